// A server that uses all cores of one process: a thread a core, all of them on one port, any of them answering any
// request. A stream lives in the thread its connection landed in, and hears of what happens in all of them.
//
//   node scripts/setup.mjs examples && node examples/workers.mjs      (from the root; PORT=3000 and as many WORKERS as
//                                                                      there are cores, at least two, unless told otherwise)
//
// What to type in another terminal it prints, as server.mjs does. With `curl -i`, each answer names its thread in `x-worker`.

import { availableParallelism } from 'node:os';
import { serve } from './support/serve.mjs';
import { startWorkers } from './workers/worker-pool.mjs';

const { WORKERS = String(Math.max(2, availableParallelism())) } = process.env;

if (!/^[1-9]\d*$/.test(WORKERS)) {
	console.error(`WORKERS is the number of threads, and not ${JSON.stringify(WORKERS)}.`);
	process.exit(1);
}

await serve('workers.mjs', (port) => startWorkers(Number(WORKERS), port));
