// A node: a process, or a worker thread of it, that runs commands. `open` creates managers, `at` calls a method of them (see
// `node-managers.js`), `forget` drops them, `thread` starts a worker, and `in` passes a command to that worker.

import { setImmediate as turn } from 'node:timers/promises';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';

import { Calls, respondingTo } from './calls.js';
import { NodeManagers } from './node-managers.js';

/** @type {Map<number, NodeManagers>} */
const members = new Map();
/** @type {Map<number, { worker: Worker, calls: Calls, ended: Promise<number>, blocked?: Blocked }>} */
const threads = new Map();
/** @typedef {{ flags: Int32Array, stats: Promise<any> }} Blocked */

/**
 * @param {string} command
 * @param {any[]} args
 */
function perform(command, ...args) {
	switch (command) {
		case 'open':
			members.set(args[0], new NodeManagers(args[1], args[2]));
			return;
		case 'at':
			return /** @type {any} */ (members.get(args[0]))[args[1]](...args.slice(2));
		case 'forget':
			members.delete(args[0]);
			return;
		case 'thread':
			return startThread(args[0]);
		case 'in':
			return threads.get(args[0])?.calls.do(...args.slice(1));
		case 'block':
			return blockThread(args[0]);
		case 'release':
			return releaseThread(args[0]);
		case 'end':
			return endThread(args[0], args[1]);
		default:
			throw new Error(`unknown command ${command}`);
	}
}

/** @param {number} number */
function startThread(number) {
	const worker = new Worker(new URL(import.meta.url));
	const calls = new Calls((message) => worker.postMessage(message));
	worker.on('message', (message) => calls.answered(message));
	// The `throw` command causes an error on purpose.
	worker.on('error', (error) => calls.end(error));
	const ended = new Promise((resolve) => {
		worker.once('exit', (code) => {
			calls.end(new Error(`the thread ended with code ${code}`));
			resolve(code);
		});
	});
	threads.set(number, { worker, calls, ended });
}

/**
 * Blocks a thread until it is released: it does not drain its mailbox. Resolves when the thread is blocked.
 *
 * @param {number} number
 */
async function blockThread(number) {
	const thread = threads.get(number);
	if (!thread) return;
	const flags = new Int32Array(new SharedArrayBuffer(8));
	thread.blocked = { flags, stats: thread.calls.do('block', flags) };
	while (Atomics.load(flags, 1) === 0) await turn();
}

/**
 * Resolves with the stats of the thread's stream managers, from before it drained its mailbox.
 *
 * @param {number} number
 */
function releaseThread(number) {
	const blocked = threads.get(number)?.blocked;
	if (!blocked) return;
	Atomics.store(blocked.flags, 0, 1);
	Atomics.notify(blocked.flags, 0);
	return blocked.stats;
}

/**
 * @param {number} number
 * @param {'terminate' | 'exit' | 'throw'} how
 */
function endThread(number, how) {
	const thread = threads.get(number);
	if (how === 'terminate') thread?.worker.terminate();
	// The thread ends before it answers.
	else thread?.calls.do(how).catch(() => {});
	return thread?.ended;
}

/**
 * Runs the commands that only a worker has, and all others.
 *
 * @param {string} command
 * @param {any[]} args
 */
function performInThread(command, ...args) {
	if (command === 'exit') process.exit(3);
	if (command === 'block') {
		Atomics.store(args[0], 1, 1);
		Atomics.wait(args[0], 0, 0);
		return [...members.values()].map(({ manager }) => manager.stats());
	}
	if (command !== 'throw') return perform(command, ...args);
	setImmediate(() => {
		throw new Error('thrown to end the thread');
	});
}

if (isMainThread) {
	process.on('message', /** @type {any} */ (respondingTo(perform, (message) => process.send?.(message))));
	// The process that started this one has ended.
	process.on('disconnect', () => process.exit());
} else {
	const post = (/** @type {any} */ message) => parentPort?.postMessage(message);
	parentPort?.on('message', respondingTo(performInThread, post));
}
