// A server of several processes, as on several machines. The nodes share their sessions through Redis. A load balancer in
// front of them distributes the requests without knowing the sessions. It runs until it is stopped:
//
//   node scripts/setup.mjs examples && node examples/redis/servers.mjs      (in the root folder; PORT, default 3000;
//                                                                           REDIS_URL, default redis://127.0.0.1:6379;
//                                                                           NODES, default 2)
//
// It prints what to type in another terminal, as server.mjs does. With `curl -i`, the header `x-worker` of each response is
// the name of the node.

import { numberFromEnv, serve } from '../support/serve.mjs';
import { startNodes } from './support/node-processes.mjs';
import { requireRedis } from './support/require-redis.mjs';

const { REDIS_URL = 'redis://127.0.0.1:6379' } = process.env;
const NODES = numberFromEnv('NODES', 2);

await requireRedis(REDIS_URL);
await serve('redis/servers.mjs', (port) => startNodes(NODES, port, { redisUrl: REDIS_URL }));
