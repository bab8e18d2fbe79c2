import { testUpdates } from './update-suite.ts';

testUpdates('wasm', null, null);
