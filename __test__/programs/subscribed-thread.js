// A worker thread with one subscription and one stream in the scope of its `workerData`. Answers each message with what was
// closed so far.

import { parentPort, workerData } from 'node:worker_threads';

import { InMemoryStreamSessionManager, InMemorySubscriptionManager } from '@tmcp-native/session-manager';

import { listener, subscription } from '../support/subscriptions.js';

/** @type {string[]} */
const closed = [];
const streams = new InMemoryStreamSessionManager({ ...workerData, onClose: (id) => closed.push(id) });
const subscriptions = new InMemorySubscriptionManager(workerData);
new ReadableStream({ start: (controller) => streams.create('stream of a thread', controller) });
await subscriptions.create(subscription('of a thread'), listener({ close: () => closed.push('subscription') }));

parentPort?.on('message', () => parentPort?.postMessage({ closed, sessions: streams.ids() }));
parentPort?.postMessage('ready');
