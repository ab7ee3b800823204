// Random operations of four threads on the sessions of one scope. Each session receives exactly the messages that were sent
// to it or to all while it existed, once, in order for each sender. No byte of a message reaches another session.
//
// RANDOM_OPERATIONS=1000000 runs more operations. RANDOM_SEED=1 repeats a failed run.

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';

import fc from 'fast-check';

import { operationsToDo, sequences } from '../support/random.js';
import { fakeController } from '../support/streams.js';
import { StreamModel } from '../support/threads/stream-model.js';
import { assertConsistent, StreamWorkload } from '../support/threads/stream-workload.js';
import { newScope, openHere, Thread } from '../support/threads/threads.js';
import { read, write } from '../support/threads/verifiable-messages.js';

/** @import { Operation } from '../support/threads/stream-model.js' */
/** @import { Report } from '../support/threads/stream-workload.js' */
/** @import { StreamDriverProxy } from '../support/threads/threads.js' */

const SEQUENTIAL = operationsToDo(10_000);
const CONCURRENT = operationsToDo(10_000) * 4;
const seed = Number(process.env.RANDOM_SEED ?? Math.floor(Math.random() * 2 ** 31));

const workers = [new Thread(), new Thread(), new Thread()];
after(() => Promise.all(workers.map((worker) => worker.terminate())));

/** @returns {Promise<StreamDriverProxy[]>} four threads in a new scope, this one first */
async function inOneScope() {
	const scope = newScope();
	return [openHere({ scope }), ...(await Promise.all(workers.map((worker) => worker.open({ scope }))))];
}

const thread = fc.nat(3);
const id = fc.constantFrom('a', 'b', 'c', '', '__proto__', 'ü\ud83d');
const operations = sequences(
	{
		weight: 6,
		arbitrary: fc.record({ do: fc.constant('create'), thread, id, kind: fc.constantFrom('fake', 'stream', 'bytes') }),
	},
	{ weight: 3, arbitrary: fc.record({ do: fc.constant('delete'), thread, id }) },
	{ weight: 1, arbitrary: fc.record({ do: fc.constant('has'), thread, id }) },
	{ weight: 1, arbitrary: fc.record({ do: fc.constantFrom('look', 'flush'), thread }) },
	{
		weight: 8,
		arbitrary: fc.record({
			do: fc.constant('send'),
			thread,
			ids: fc.oneof(
				{ weight: 1, arbitrary: fc.constant(undefined) },
				{
					weight: 2,
					arbitrary: fc.array(fc.oneof({ weight: 9, arbitrary: id }, fc.constant('unknown')), { maxLength: 9 }),
				},
			),
			length: fc.oneof({ weight: 9, arbitrary: fc.nat(20) }, fc.nat(20_000)),
		}),
	},
);

test(`${SEQUENTIAL} random operations, one after the other in four threads, give the results of a plain model`, async () => {
	await fc.assert(
		fc.asyncProperty(operations, async (sequence) => {
			const threads = await inOneScope();
			const model = new StreamModel(threads);
			for (const operation of sequence) await model.perform(/** @type {Operation} */ (operation));
			await model.finish();
			await Promise.all(threads.map((thread) => thread.do('leave')));
		}),
		{ numRuns: Math.ceil(SEQUENTIAL / 200), seed, reporter },
	);
});

test(`${CONCURRENT} random operations, at the same time in four threads, deliver every message to the right sessions`, async () => {
	const { reports, ids } = await runWorkloads(CONCURRENT);
	try {
		assertConsistent(reports, ids);
	} catch (error) {
		throw new Error(`seed ${seed}: ${/** @type {Error} */ (error).message}`);
	}
	// The workload was large enough.
	for (const { sent, streams } of reports) {
		assert.ok(sent.length > CONCURRENT / 8 && streams.length > CONCURRENT / 100);
		assert.ok(streams.every(({ numbers, lasting }) => !lasting || numbers.filter(Boolean).length === 4));
	}
});

/** @param {number} operations of all threads together */
async function runWorkloads(operations) {
	const threads = await inOneScope();
	const ids = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
	const lasting = threads.flatMap((_, thread) => [0, 1, 2].map((n) => `lasting-${thread}-${n}`));
	const channel = newScope();
	await Promise.all(
		threads.map((there, thread) => {
			const options = { thread, operations: Math.ceil(operations / 4), seed: seed + thread, ids, lasting, channel };
			return there.do('prepareWorkload', options);
		}),
	);
	await Promise.all(threads.map((there) => there.do('runWorkload')));
	// Controllers have sent messages during the last deliveries, and others during the deliveries of those. Flush them all.
	for (let again = 0; again < 20; again++) await Promise.all(threads.map((there) => there.do('flush')));
	/** @type {Report[]} */
	const reports = await Promise.all(threads.map((there) => there.do('workloadReport')));
	const left = await Promise.all(threads.map((there) => there.do('ids')));
	for (const [thread, there] of threads.entries()) {
		assert.deepEqual(left[thread], left[0]);
		const { sessions, closed, mailboxBytes } = await there.do('stats');
		assert.deepEqual([closed.overflow, mailboxBytes], [0, 0]);
		const open = reports[thread].streams.filter((stream) => stream.closed === 0);
		assert.equal(sessions, open.length);
		assert.deepEqual(await there.do('uncaught'), []);
	}
	return { reports, ids: left[0] };
}

describe('the check of random operations', () => {
	/** Returns the reports of two threads. The session of one is replaced once, the session of the other is lasting. */
	function correctReports() {
		const sent = [undefined, ['a'], ['lasting-1-0', 'a'], ['unknown'], ['a'], undefined];
		const stream = (/** @type {Partial<import('../support/threads/stream-workload.js').Stream>} */ own) => ({
			id: 'a',
			closed: 0,
			lasting: false,
			after: -1,
			numbers: /** @type {number[][]} */ ([]),
			...own,
		});
		const since = { 'lasting-1-0': 1 };
		/** @type {Report[]} */
		const reports = [
			{
				sent,
				since,
				problems: [],
				streams: [stream({ closed: 1, numbers: [[0, 1]] }), stream({ after: 1, numbers: [[2, 4, 5], [0]] })],
			},
			{
				sent: [undefined],
				since,
				problems: [],
				streams: [stream({ id: 'lasting-1-0', lasting: true, numbers: [[2, 5], [0]] })],
			},
		];
		return { reports, ids: ['a', 'lasting-1-0'] };
	}

	test('accepts correct reports', () => {
		const { reports, ids } = correctReports();
		assertConsistent(reports, ids);
	});

	/** @type {[string, (reports: Report[], ids: string[]) => void][]} */
	const problems = [
		['a message lost between two others', ([{ streams }]) => streams[1].numbers[0].splice(1, 1)],
		['a duplicated message', ([{ streams }]) => streams[1].numbers[0].push(5)],
		['two messages in the wrong order', ([{ streams }]) => streams[1].numbers[0].reverse()],
		['a message for another session', ([{ streams }]) => streams[1].numbers[0].splice(1, 0, 3)],
		['a message that was sent before the session existed', ([{ streams }]) => streams[1].numbers[0].unshift(1)],
		['a lasting session that lacks the last message', ([, { streams }]) => streams[0].numbers[0].pop()],
		['a lasting session that lacks the first message', ([, { streams }]) => streams[0].numbers[0].shift()],
		['a lasting session that got nothing', ([, { streams }]) => streams[0].numbers.shift()],
		['a lasting session that was closed', ([, { streams }], ids) => [streams[0].closed++, ids.pop()]],
		['an open stream that is not registered', (_, ids) => ids.shift()],
		['a registered stream that is not open', ([{ streams }]) => streams[1].closed++],
		['a stream that was closed twice', ([{ streams }]) => streams[0].closed++],
		['a problem that a thread has found', ([{ problems }]) => problems.push('wrong bytes')],
	];
	for (const [what, make] of problems) {
		test(`detects ${what}`, () => {
			const { reports, ids } = correctReports();
			make(reports, ids);
			assert.throws(() => assertConsistent(reports, ids), assert.AssertionError);
		});
	}

	test('detects a wrong byte, a message for another id, and a chunk that was overwritten', async () => {
		/** @type {ReturnType<typeof fakeController>[]} */
		const controllers = [];
		const manager = {
			create: (/** @type {string} */ _, /** @type {any} */ controller) => controllers.push(controller),
		};
		const options = { thread: 1, operations: 0, seed: 3, ids: ['a'], lasting: ['lasting-1-0'], channel: 'none' };
		/** @param {string[]} texts */
		const problemsOf = async (...texts) => {
			controllers.length = 0;
			// With this seed, the session has a plain controller.
			const workload = new StreamWorkload(manager, options);
			const chunks = texts.map((text) => new TextEncoder().encode(text));
			for (const chunk of chunks) controllers[0].enqueue(chunk);
			if (texts.length > 1) chunks[0][0] = 'y'.charCodeAt(0);
			return (await workload.report()).problems.length;
		};
		const right = write({ sender: 0, number: 5, to: ['lasting-1-0'] });
		const next = write({ sender: 0, number: 6, to: undefined });
		assert.equal(await problemsOf(right), 0);
		assert.equal(await problemsOf(right.replace(/.\.$/, 'y.')), 1);
		assert.equal(await problemsOf(right.slice(1)), 1);
		assert.equal(await problemsOf(right + next), 1);
		assert.equal(await problemsOf(write({ sender: 0, number: 5, to: ['a', 'lasting'] })), 1);
		assert.equal(await problemsOf(right, next), 1);
		assert.deepEqual(read(right), { sender: 0, number: 5, to: ['lasting-1-0'] });
	});
});

/** @param {fc.RunDetails<[{ do: string }[]]>} details */
function reporter(details) {
	if (!details.failed) return;
	const shortest = details.counterexample?.[0].filter((operation) => operation.do !== 'nothing');
	const error = /** @type {Error | undefined} */ (details.errorInstance);
	throw new Error(`RANDOM_SEED=${details.seed}: ${fc.stringify(shortest)}\n${error?.message}`);
}
