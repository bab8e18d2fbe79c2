import { testDefenceSteps } from './defence-steps-suite.ts';

testDefenceSteps('wasm', null, null);
