/** File in a preview's scratch folder that holds the sample with this name, `<token>-<number>`. */
export const sampleFile = (sample: string): string => `sample-${sample.split('-').at(-1) ?? ''}.npy`;
