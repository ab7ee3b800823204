// Starts a Redis server, prints its port and folder, and keeps running.

import { startRedis } from '../support/redis.js';

const { port, folder } = await startRedis();
console.log(JSON.stringify({ port, folder }));
