// Worker threads that end in every way, at any moment from their birth on, while four threads post to them as fast as they
// can: this one, and three that live as long as it does. Prints what is left of them as a line of JSON, and ends by itself.
//
//   node __test__/stress/thread-ends.js [ends] [seed] [control]
//
// With "control", those that end do not load the package: what is used then, Node uses.

import { once } from 'node:events';
import { setImmediate as turn } from 'node:timers/promises';
import { isMainThread, Worker } from 'node:worker_threads';

import { randomNumbers } from '../support/threads/random-numbers.js';
import { collectGarbage, Sender } from './sender.js';
import { SURVIVORS } from './session-ids.js';

/** A thread that posts, and does what it is told. */
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
	 * @param {string} order
	 * @returns {Promise<any>}
	 */
	ask(order) {
		return new Promise((resolve) => {
			this.#asked.push(resolve);
			this.#worker.postMessage(order);
		});
	}

	/** Settles with its exit code. */
	async end() {
		const exit = once(this.#worker, 'exit');
		this.#worker.postMessage('end');
		return (await exit)[0];
	}
}

/** @typedef {'terminate' | 'throw' | 'exit'} How */
/** Where in its life a worker ends; see ending-thread.js. @typedef {(typeof MOMENTS)[number]} Moment */

const HOW = /** @type {const} */ (['terminate', 'throw', 'exit']);
const MOMENTS = /** @type {const} */ ([
	'birth',
	'imported',
	'joined',
	'creating',
	'posting',
	'feeding',
	'closing',
	'later',
]);
const AT_A_TIME = 4;
const SENDERS = 4;
/** A terminated worker's life, at most. */
const LIFE_MS = 120;

const ends = Number(process.argv[2] ?? 1_000);
const seed = Number(process.argv[3] ?? Math.floor(Math.random() * 2 ** 31));
const control = process.argv[4] === 'control';
const random = randomNumbers(seed);
const problems = /** @type {string[]} */ ([]);

if (!isMainThread) throw new Error('this is the program, not one of its workers');

// Whoever watches knows what to run again where this does not come to its end.
console.error(`seed ${seed}`);
const newest = new Int32Array(new SharedArrayBuffer(4));
const here = new Sender(0, newest, seed);
const senders = Array.from({ length: SENDERS - 1 }, (_, index) => new SendingThread(index + 1));
for (const sender of senders) await sender.ask('ready');

const warmUp = Math.max(20, Math.ceil(ends / 10));
const start = performance.now();
const memory = [await memoryAfter(warmUp)];
for (let quarter = 0; quarter < 4; quarter++) memory.push(await memoryAfter(Math.ceil(ends / 4)));
const seconds = (performance.now() - start) / 1_000;

const ids = Array.from({ length: SENDERS }, (_, sender) => SURVIVORS.map((n) => `survivor ${sender} ${n}`))
	.flat()
	.sort();
expect('ids', here.manager.ids().sort(), ids);
for (const ask of [async () => here.state(), ...senders.map((sender) => () => sender.ask('state'))]) {
	const { size, sessions, overflow, mailboxBytes } = await ask();
	expect('size', size, ids.length);
	expect('sessions', sessions, SURVIVORS.length);
	expect('overflow', overflow, 0);
	expect('mailboxBytes', mailboxBytes, 0);
}
const posts =
	here.posts + (await Promise.all(senders.map((sender) => sender.ask('posts')))).reduce((sum, n) => sum + n, 0);
for (const sender of senders) expect('exit code of a sender', await sender.end(), 0);
expect('size in the end', here.manager.size, SURVIVORS.length);

const mib = (/** @type {number} */ bytes) => Math.round(bytes / 2 ** 20);
console.log(
	JSON.stringify({
		ends: warmUp + 4 * Math.ceil(ends / 4),
		posts,
		seconds: Math.round(seconds),
		/** After a tenth of them, and after each quarter of the others. */
		rss: memory.map(({ rss }) => mib(rss)),
		external: memory.map(({ external }) => mib(external)),
		problems: problems.slice(0, 20),
	}),
);
process.exitCode = problems.length > 0 ? 1 : 0;

/**
 * Lets so many threads end, and gives back what memory is used then.
 *
 * @param {number} count
 */
async function memoryAfter(count) {
	for (const sender of senders) sender.ask('post');
	const posting = here.post();
	let begun = 0;
	const oneByOne = async () => {
		while (begun < count) await endOneThread(begun++);
	};
	await Promise.all(Array.from({ length: AT_A_TIME }, oneByOne));
	here.stop();
	await posting;
	for (const sender of senders) await sender.ask('stop');
	// What they have sent last is dealt with; then all are idle.
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
	// Not `once` of node:events, which rejects on an error.
	const exit = new Promise((resolve) => worker.once('exit', resolve));
	if (how === 'terminate') {
		// Half of them where they say, and then they go on; half at any time.
		if (random(2) === 0) worker.once('message', () => worker.terminate());
		else setTimeout(() => worker.terminate(), moment === 'birth' ? 0 : random(LIFE_MS));
		worker.once('online', () => moment === 'birth' && worker.terminate());
	}
	const code = await exit;
	const sessions = () => here.manager.ids().filter((id) => id.startsWith(`ending ${number} `));
	// Deno says so while the thread is still about to end.
	while ('Deno' in globalThis && sessions().length > 0) await turn();
	// Gone with its thread, not when somebody finds out.
	const left = sessions();
	if (left.length > 0) problems.push(`${what}: its sessions are there when it is not: ${left.length}`);
	if (!('Bun' in globalThis || 'Deno' in globalThis)) {
		if (how !== 'terminate') expect(`${what}: exit code`, code, how === 'throw' ? 1 : 3);
		expect(`${what}: error`, thrown?.message, how === 'throw' ? 'as it was told to' : undefined);
	}
}

/**
 * @param {string} what
 * @param {unknown} actual
 * @param {unknown} expected
 */
function expect(what, actual, expected) {
	const [is, was] = [JSON.stringify(actual), JSON.stringify(expected)];
	if (is !== was) problems.push(`${what}: ${is?.slice(0, 500)}, and not ${was?.slice(0, 500)}`);
}
