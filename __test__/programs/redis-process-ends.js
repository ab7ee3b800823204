// Ends in a given way, with Redis managers that have sessions and pending messages. Redis may be unreachable. The argument is
// JSON: `url`, `way`, and `steps` (`ready`, `dropped`). Before each step the program waits for a line on its input.

import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

import {
	RedisInfoSessionManager,
	RedisStreamSessionManager,
	RedisSubscriptionManager,
} from '@tmcp-native/session-manager/redis';

import { collected } from '../support/garbage.js';
import { listener, subscription, toolsChanged } from '../support/subscriptions.js';

/** @typedef {{ url: string, way: string, steps: string[] }} Parameters */

/** @type {Parameters} */
const { url, way, steps } = isMainThread ? JSON.parse(process.argv[2]) : workerData;

const options = { prefix: 'ends', onUnavailable: 'reject', commandTimeoutMs: 300, maxPendingBytes: 20_000 };
const client = /** @type {any} */ ({ name: 'client', version: '1' });

function open() {
	const streams = new RedisStreamSessionManager(url, options);
	const info = new RedisInfoSessionManager(url, options);
	const subscriptions = new RedisSubscriptionManager(url, options);
	return { streams, info, subscriptions };
}

/**
 * Calls the managers as a server does that ignores every result.
 *
 * @param {ReturnType<typeof open>} managers
 */
function work({ streams, info, subscriptions }) {
	for (let n = 0; n < 20; n++) streams.create(`session ${n}`, { enqueue() {}, close() {} });
	for (let n = 0; n < 100; n++) streams.send(n % 2 ? ['of another node'] : undefined, 'text');
	// Exceeds `maxPendingBytes`.
	streams.send(undefined, 'x'.repeat(options.maxPendingBytes));
	streams.delete('session 0');
	info.setClientInfo('session 1', client);
	info.setLogLevel('session 1', 'error');
	info.addSubscription('session 1', 'file:///a');
	info.delete('session 2');
	subscriptions.create(subscription(1), listener());
	subscriptions.send(toolsChanged());
}

/** @param {string} name */
async function step(name) {
	if (!steps.includes(name)) return;
	console.log(name);
	process.stdin.resume();
	await once(process.stdin, 'data');
	process.stdin.pause();
}

/** @param {'terminate' | 'throw' | 'exit' | 'end'} how */
async function endWorkers(how) {
	const workers = Array.from(
		{ length: 3 },
		() => new Worker(new URL(import.meta.url), { workerData: { url, way, steps } }),
	);
	await Promise.all(
		workers.map(async (worker) => {
			const ended = new Promise((resolve) => worker.once('exit', resolve));
			// The `throw` end causes an error on purpose.
			worker.on('error', () => {});
			await once(worker, 'message');
			if (how === 'terminate') worker.terminate();
			else worker.postMessage(how);
			await ended;
		}),
	);
}

/** Sends without pause until the main thread says how to end. */
async function beWorker() {
	let end = '';
	parentPort?.once('message', (/** @type {string} */ how) => {
		end = how;
		parentPort?.close();
	});
	const managers = open();
	work(managers);
	parentPort?.postMessage('working');
	while (!end) {
		managers.streams.send(undefined, 'text');
		await turn();
	}
	if (end === 'exit') process.exit(3);
	if (end === 'throw') throw new Error('thrown to end the thread');
}

/** @type {Record<string, (managers: ReturnType<typeof open>) => unknown>} */
const ways = {
	'has no work left': work,
	'calls process.exit(7)': (managers) => {
		work(managers);
		console.log('last work');
		process.exit(7);
	},
	'calls process.exit(7) while workers send': async (managers) => {
		work(managers);
		const workers = Array.from(
			{ length: 3 },
			() => new Worker(new URL(import.meta.url), { workerData: { url, way, steps } }),
		);
		await Promise.all(workers.map((worker) => once(worker, 'message')));
		console.log('last work');
		process.exit(7);
	},
	'throws an uncaught error': (managers) => {
		work(managers);
		setImmediate(() => {
			throw new Error('nobody catches this');
		});
	},
	'gets SIGTERM': async (managers) => {
		work(managers);
		console.log('last work');
		process.kill(process.pid, 'SIGTERM');
		await once(process, 'never');
	},
	'has closed its managers': async (managers) => {
		work(managers);
		await Promise.all([managers.streams.close(), managers.info.close(), managers.subscriptions.close()]);
	},
	'has closed unused managers': async (managers) => {
		await managers.streams.close();
		await managers.info.close();
		await managers.subscriptions.close();
	},
	'waits for its pending calls': async ({ streams, info }) => {
		const ready = streams.ready();
		streams.send(undefined, 'text');
		const calls = {
			ready,
			flush: streams.flush(),
			has: streams.has('unknown'),
			set: info.setClientInfo('session 1', client),
			get: info.getClientInfo('session 1'),
		};
		for (const [name, call] of Object.entries(calls)) {
			const [{ status, ...how }] = await Promise.allSettled([call]);
			const { reason } = /** @type {any} */ (how);
			console.log(`${name}: ${status}${reason ? `, ${reason.code}` : ''}`);
		}
	},
	'does not wait for its pending calls': ({ streams, info }) => {
		for (const call of [streams.ready(), streams.flush(), streams.has('unknown'), info.getClientInfo('session 1')]) {
			call.catch(() => {});
		}
	},
	'had workers that were terminated': async (managers) => {
		work(managers);
		await endWorkers('terminate');
	},
	'had workers that failed': async (managers) => {
		work(managers);
		await endWorkers('throw');
	},
	'had workers that exited': async (managers) => {
		work(managers);
		await endWorkers('exit');
	},
	'had workers that ran out of work': async (managers) => {
		work(managers);
		await endWorkers('end');
	},
	'used managers only in workers that have ended': async () => {
		for (const how of /** @type {const} */ (['terminate', 'exit', 'throw', 'end'])) await endWorkers(how, 1);
	},
};

/**
 * A separate function, so that nothing references the managers after it.
 *
 * @returns {Promise<WeakRef<object>[]>}
 */
async function workAndDrop() {
	const managers = open();
	if (steps.includes('ready')) await managers.streams.ready();
	await step('ready');
	work(managers);
	return Object.values(managers).map((manager) => new WeakRef(manager));
}

if (!isMainThread) {
	await beWorker();
} else if (way === 'has dropped its managers') {
	for (const reference of await workAndDrop()) await collected(reference);
	// The sessions are removed some turns after the managers were collected.
	let continues = false;
	step('dropped').then(() => {
		continues = true;
	});
	do await collected(new WeakRef({}));
	while (!continues);
	console.log('last work');
} else {
	const managers = way === 'used managers only in workers that have ended' ? /** @type {any} */ ({}) : open();
	if (steps.includes('ready')) await managers.streams?.ready();
	await step('ready');
	await ways[way](managers);
	console.log('last work');
	// Keeps the managers until the process ends.
	process.on('exit', () => managers.streams?.size);
}
