// Ends worker threads in every way, at random moments from their start on, while four threads send to them without pause: this one
// and three others that keep running. Prints the results as a line of JSON.
//
//   node __test__/stress/thread-ends.js [ends] [seed] [control]
//
// With "control", the ending threads do not load the package. This measures the memory that Node itself uses.

import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { isMainThread, Worker } from 'node:worker_threads';

import { randomNumbers } from '../support/threads/random-numbers.js';
import { collectGarbage, Sender } from './sender.js';
import { LASTING } from './session-ids.js';

/** A worker thread with a {@link Sender}. */
class SendingThread {
	#worker;
	/** @type {((answer: any) => void)[]} */
	#asked = [];

	/** @param {number} sender */
	constructor(sender) {
		this.#worker = new Worker(new URL('sender.js', import.meta.url), { workerData: { sender, newest, seed } });
		this.#worker.on('message', (answer) => this.#asked.shift()?.(answer));
	}

	/**
	 * @param {string} command
	 * @returns {Promise<any>}
	 */
	ask(command) {
		return new Promise((resolve) => {
			this.#asked.push(resolve);
			this.#worker.postMessage(command);
		});
	}

	/** Resolves with the exit code. */
	async end() {
		const exit = once(this.#worker, 'exit');
		this.#worker.postMessage('end');
		return (await exit)[0];
	}
}

/** @typedef {'terminate' | 'throw' | 'exit'} How */
/** The moment at which a worker ends; see ending-thread.js. @typedef {(typeof MOMENTS)[number]} Moment */

const HOW = /** @type {const} */ (['terminate', 'throw', 'exit']);
const MOMENTS = /** @type {const} */ ([
	'birth',
	'imported',
	'joined',
	'creating',
	'posting',
	'delivering',
	'closing',
	'later',
]);
const CONCURRENT_ENDS = 4;
const SENDERS = 4;
/** Maximum time before a worker is terminated. */
const LIFE_MS = 120;

const ends = Number(process.argv[2] ?? 1_000);
const seed = Number(process.argv[3] ?? Math.floor(Math.random() * 2 ** 31));
const control = process.argv[4] === 'control';
const random = randomNumbers(seed);
const problems = /** @type {string[]} */ ([]);

if (!isMainThread) throw new Error('this module is a program, not a worker');

// Printed first, so that a run that hangs can be repeated.
console.error(`seed ${seed}`);
const newest = new Int32Array(new SharedArrayBuffer(4));
const here = new Sender(0, newest, seed);
const senders = Array.from({ length: SENDERS - 1 }, (_, index) => new SendingThread(index + 1));
for (const sender of senders) await sender.ask('ready');

const warmUp = Math.max(20, Math.ceil(ends / 10));
const quarter = Math.max(1, Math.ceil((ends - warmUp) / 4));
const start = performance.now();
const memory = [await memoryAfter(warmUp)];
for (let n = 0; n < 4; n++) memory.push(await memoryAfter(quarter));
const seconds = (performance.now() - start) / 1_000;

const ids = Array.from({ length: SENDERS }, (_, sender) => LASTING.map((n) => `lasting ${sender} ${n}`))
	.flat()
	.sort();
expect('ids', here.manager.ids().sort(), ids);
for (const ask of [async () => here.state(), ...senders.map((sender) => () => sender.ask('state'))]) {
	const { size, sessions, overflow, mailboxBytes } = await ask();
	expect('size', size, ids.length);
	expect('sessions', sessions, LASTING.length);
	expect('overflow', overflow, 0);
	expect('mailboxBytes', mailboxBytes, 0);
}
const posts =
	here.posts + (await Promise.all(senders.map((sender) => sender.ask('posts')))).reduce((sum, n) => sum + n, 0);
for (const sender of senders) expect('exit code of a sender', await sender.end(), 0);
expect('size at the end', here.manager.size, LASTING.length);

const mib = (/** @type {number} */ bytes) => Math.round(bytes / 2 ** 20);
console.log(
	JSON.stringify({
		ends: warmUp + 4 * quarter,
		posts,
		seconds: Math.round(seconds),
		/** After the first tenth of the ends, and after each quarter of the others. */
		rss: memory.map(({ rss }) => mib(rss)),
		external: memory.map(({ external }) => mib(external)),
		problems: problems.slice(0, 20),
	}),
);
process.exitCode = problems.length > 0 ? 1 : 0;

/**
 * Starts and ends `count` threads, and returns the memory usage afterwards.
 *
 * @param {number} count
 */
async function memoryAfter(count) {
	for (const sender of senders) sender.ask('post');
	const posting = here.post();
	let begun = 0;
	const endSome = async () => {
		while (begun < count) await endOneThread(begun++);
	};
	await Promise.all(Array.from({ length: CONCURRENT_ENDS }, endSome));
	here.stop();
	await posting;
	for (const sender of senders) await sender.ask('stop');
	// The last messages are delivered; then all threads are idle.
	for (let again = 0; again < 2; again++) {
		await here.flush();
		for (const sender of senders) await sender.ask('flush');
	}
	for (let again = 0; again < 3; again++) {
		for (const sender of senders) await sender.ask('collect');
		collectGarbage();
		await turn();
	}
	console.error(`${Atomics.load(newest, 0)} ends`);
	return process.memoryUsage();
}

/** @param {number} count */
async function endOneThread(count) {
	const number = Atomics.add(newest, 0, 1) + 1;
	const how = HOW[count % HOW.length];
	const moment = MOMENTS[random(MOMENTS.length)];
	const worker = new Worker(new URL('ending-thread.js', import.meta.url), {
		workerData: { number, how, moment, seed: random(2 ** 31), small: random(4) === 0, control },
	});
	const what = `${number}, ${how} at ${moment}`;
	/** @type {Error | undefined} */
	let thrown;
	worker.on('error', (error) => {
		thrown = error;
	});
	// `once` of node:events would reject on an error.
	const exit = new Promise((resolve) => worker.once('exit', resolve));
	if (how === 'terminate') {
		// Half of them at the given moment, while they continue; the other half at a random time.
		if (random(2) === 0) worker.once('message', () => worker.terminate());
		else setTimeout(() => worker.terminate(), moment === 'birth' ? 0 : random(LIFE_MS));
		worker.once('online', () => moment === 'birth' && worker.terminate());
	}
	const code = await exit;
	const sessions = () => here.manager.ids().filter((id) => id.startsWith(`ending ${number} `));
	// Deno reports the end before the thread has ended.
	while ('Deno' in globalThis && sessions().length > 0) await turn();
	// The sessions are removed with the thread, and not later.
	const left = sessions();
	if (left.length > 0) problems.push(`${what}: ${left.length} of its sessions are left`);
	if (!('Bun' in globalThis || 'Deno' in globalThis)) {
		if (how !== 'terminate') expect(`${what}: exit code`, code, how === 'throw' ? 1 : 3);
		expect(`${what}: error`, thrown?.message, how === 'throw' ? 'on purpose' : undefined);
	}
}

/**
 * @param {string} what
 * @param {unknown} actual
 * @param {unknown} expected
 */
function expect(what, actual, expected) {
	const [is, was] = [JSON.stringify(actual), JSON.stringify(expected)];
	if (is !== was) problems.push(`${what}: ${is?.slice(0, 500)}, expected ${was?.slice(0, 500)}`);
}
