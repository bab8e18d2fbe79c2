import type { DefineComponent } from 'vue';
import type { Bridge } from '../shared/contract/bridge.ts';

declare global {
  interface Window {
    readonly pairlight: Bridge;
  }
}

declare module '*.vue' {
  const component: DefineComponent;
  // eslint-disable-next-line no-restricted-exports -- the shape of a single-file component
  export default component;
}
