import { testAttacks } from './attack-suite.ts';

testAttacks('wasm', null, null);
