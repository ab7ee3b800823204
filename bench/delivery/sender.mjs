// Sends to the clients of another thread or process, as a worker thread or a process of its own.

import { isMainThread } from 'node:worker_threads';
import { readArguments } from '../harness/callable-process.mjs';
import { followOrders } from './control.mjs';
import { createManager } from './managers.mjs';
import { eventOf } from './messages.mjs';

const [{ implementation, from, controlPort, redisUrl }] = readArguments();
const manager = await createManager(implementation, from, redisUrl);
await manager.ready?.();
followOrders(controlPort, { sends: true }, (data) => manager.send(undefined, eventOf(data)));
if (isMainThread) process.on('disconnect', () => process.exit());
