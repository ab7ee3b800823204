// A server that uses all cores in one process. It has one thread per core, all on one port, and any thread answers any
// request. A stream stays in the thread that accepted its connection, and receives what is sent in all threads.
//
//   node scripts/setup.mjs examples && node examples/workers.mjs      (in the root folder; PORT, default 3000;
//                                                                      WORKERS, default one per core, at least two)
//
// It prints what to type in another terminal, as server.mjs does. With `curl -i`, the header `x-worker` of each response is
// the number of the thread.

import { availableParallelism } from 'node:os';
import { numberFromEnv, serve } from './support/serve.mjs';
import { startWorkers } from './workers/worker-pool.mjs';

const WORKERS = numberFromEnv('WORKERS', Math.max(2, availableParallelism()));

await serve('workers.mjs', (port) => startWorkers(WORKERS, port));
