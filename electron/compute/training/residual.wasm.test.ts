import { testResidualTraining } from './residual-suite.ts';

testResidualTraining('wasm', null, null);
