import { onActivated, onBeforeUnmount, onMounted, type ShallowRef } from 'vue';

/** Brings a scrolled element back to where it was when its view is shown again: a detached element forgets it. */
export function useKeptScroll(element: Readonly<ShallowRef<HTMLElement | null>>): void {
  let top = 0;
  const remember = (): void => {
    if (element.value?.isConnected) top = element.value.scrollTop;
  };
  onMounted(() => element.value?.addEventListener('scroll', remember, { passive: true }));
  onBeforeUnmount(() => element.value?.removeEventListener('scroll', remember));
  onActivated(() => {
    if (element.value) element.value.scrollTop = top;
  });
}
