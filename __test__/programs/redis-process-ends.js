// Ends, in the way that it is told, with managers that have sessions and messages under way, of a Redis that may not be
// there. Its argument is JSON: `url`, `way`, and `steps`, before which it waits for a line each: `ready`, `dropped`.

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

/** @typedef {{ url: string, way: string, steps: string[] }} Told */

/** @type {Told} */
const { url, way, steps } = isMainThread ? JSON.parse(process.argv[2]) : workerData;

const options = { prefix: 'ends', commandTimeoutMs: 300, maxPendingBytes: 20_000 };
const client = /** @type {any} */ ({ name: 'client', version: '1' });

function open() {
	const streams = new RedisStreamSessionManager(url, options);
	const info = new RedisInfoSessionManager(url, options);
	const subscriptions = new RedisSubscriptionManager(url, options);
	return { streams, info, subscriptions };
}

/**
 * What a server does that looks after nothing: nobody hears how it went.
 *
 * @param {ReturnType<typeof open>} managers
 */
function work({ streams, info, subscriptions }) {
	for (let n = 0; n < 20; n++) streams.create(`session ${n}`, { enqueue() {}, close() {} });
	for (let n = 0; n < 100; n++) streams.send(n % 2 ? ['of another node'] : undefined, 'text');
	// More than may wait.
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
			// One that is told to throw does.
			worker.on('error', () => {});
			await once(worker, 'message');
			if (how === 'terminate') worker.terminate();
			else worker.postMessage(how);
			await ended;
		}),
	);
}

/** Works without a pause until it is told how to end. */
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
	if (end === 'throw') throw new Error('thrown by a thread that is to end');
}

/** @type {Record<string, (managers: ReturnType<typeof open>) => unknown>} */
const ways = {
	'comes to its end': work,
	'calls process.exit(7)': (managers) => {
		work(managers);
		console.log('last work');
		process.exit(7);
	},
	'calls process.exit(7) while workers work': async (managers) => {
		work(managers);
		const workers = Array.from(
			{ length: 3 },
			() => new Worker(new URL(import.meta.url), { workerData: { url, way, steps } }),
		);
		await Promise.all(workers.map((worker) => once(worker, 'message')));
		console.log('last work');
		process.exit(7);
	},
	'throws an error that nobody catches': (managers) => {
		work(managers);
		setImmediate(() => {
			throw new Error('nobody catches this');
		});
	},
	'is told to end (SIGTERM)': async (managers) => {
		work(managers);
		console.log('last work');
		process.kill(process.pid, 'SIGTERM');
		await once(process, 'never');
	},
	'has closed its managers': async (managers) => {
		work(managers);
		await Promise.all([managers.streams.close(), managers.info.close(), managers.subscriptions.close()]);
	},
	'has closed managers that did nothing': async (managers) => {
		await managers.streams.close();
		await managers.info.close();
		await managers.subscriptions.close();
	},
	'waits for what it has asked': async ({ streams, info }) => {
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
	'has waited for nothing it has asked': ({ streams, info }) => {
		for (const call of [streams.ready(), streams.flush(), streams.has('unknown'), info.getClientInfo('session 1')]) {
			call.catch(() => {});
		}
	},
	'has seen workers terminated': async (managers) => {
		work(managers);
		await endWorkers('terminate');
	},
	'has seen workers fail': async (managers) => {
		work(managers);
		await endWorkers('throw');
	},
	'has seen workers exit': async (managers) => {
		work(managers);
		await endWorkers('exit');
	},
	'has seen workers come to their end': async (managers) => {
		work(managers);
		await endWorkers('end');
	},
	'has only worked in workers that have ended': async () => {
		for (const how of /** @type {const} */ (['terminate', 'exit', 'throw', 'end'])) await endWorkers(how, 1);
	},
};

/**
 * A function of its own, so that nothing holds the managers when it is over.
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
	// What they had goes with them, in its turn.
	let isTold = false;
	step('dropped').then(() => {
		isTold = true;
	});
	do await collected(new WeakRef({}));
	while (!isTold);
	console.log('last work');
} else {
	const managers = way === 'has only worked in workers that have ended' ? /** @type {any} */ ({}) : open();
	if (steps.includes('ready')) await managers.streams?.ready();
	await step('ready');
	await ways[way](managers);
	console.log('last work');
	// They live as long as the process.
	process.on('exit', () => managers.streams?.size);
}
