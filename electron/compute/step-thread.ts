/** Entry of a thread that computes parts of batches on the wasm engine. */
import { serveShards } from './engines/parallel/serve.ts';
import { STEPS } from './steps.ts';

await serveShards(STEPS);
