/** Entry of a thread whose steps go wrong, for tests of the thread pool. */
import { FAULTS } from './faults.ts';
import { serveShards } from './serve.ts';

await serveShards([FAULTS]);
