import { testEngine } from './engine-suite.ts';

testEngine('wasm', null, null);
