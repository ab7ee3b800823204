// A server of several processes, as it would be on several machines: nodes that share their sessions by Redis, and a balancer
// in front of them that knows nothing of sessions. Left running to try it by hand:
//
//   node scripts/setup.mjs examples && node examples/redis/servers.mjs      (from the root; REDIS_URL=redis://127.0.0.1:6379,
//                                                                           PORT=3000 and NODES=2 unless told otherwise)
//
// What to type in another terminal it prints, as server.mjs does. With `curl -i`, each answer names its node in `x-worker`.

import { serve } from '../support/serve.mjs';
import { startNodes } from './support/node-processes.mjs';

const { NODES = '2', REDIS_URL = 'redis://127.0.0.1:6379' } = process.env;

if (!/^[1-9]\d*$/.test(NODES)) {
	console.error(`NODES is the number of nodes, and not ${JSON.stringify(NODES)}.`);
	process.exit(1);
}

await serve('redis/servers.mjs', (port) => startNodes(Number(NODES), port, { redisUrl: REDIS_URL }));
