// Starts a Redis, says where it is, and stays.

import { startRedis } from '../support/redis.js';

const { port, folder } = await startRedis();
console.log(JSON.stringify({ port, folder }));
