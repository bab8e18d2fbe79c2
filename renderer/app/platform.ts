/** Whether shortcuts use the command key. */
export const isMac = /mac/i.test(navigator.platform);
