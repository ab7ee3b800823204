// Random operations of four threads on the subscriptions of one scope: each registration is called correctly, once, and in
// order.
//
// RANDOM_OPERATIONS=1000000 runs more operations. RANDOM_SEED=1 repeats a failed run.

import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';

import fc from 'fast-check';

import { operationsToDo, sequences } from '../support/random.js';
import { driveSubscriptionsHere, driveSubscriptionsIn } from '../support/threads/subscription-driver.js';
import { SubscriptionModel } from '../support/threads/subscription-model.js';
import { assertConsistent, SubscriptionWorkload } from '../support/threads/subscription-workload.js';
import { newScope, Thread } from '../support/threads/threads.js';

/** @import { Report } from '../support/threads/subscription-workload.js' */

const SEQUENTIAL = operationsToDo(10_000);
const CONCURRENT = operationsToDo(10_000) * 2;
const seed = Number(process.env.RANDOM_SEED ?? Math.floor(Math.random() * 2 ** 31));

const workers = [new Thread(), new Thread(), new Thread()];
after(() => Promise.all(workers.map((worker) => worker.terminate())));

/** Returns four threads in a new scope, this one first, and a function that ends one of the others and starts another. */
async function inOneScope() {
	const scope = newScope();
	const there = () => Promise.all(workers.map((worker) => driveSubscriptionsIn(worker, { scope })));
	const threads = [driveSubscriptionsHere({ scope }), ...(await there())];
	const replace = async (/** @type {number} */ thread) => {
		const worker = workers[thread - 1];
		await Promise.all([worker.terminate(), worker.ended]);
		workers[thread - 1] = new Thread();
		return driveSubscriptionsIn(workers[thread - 1], { scope });
	};
	return { threads, replace };
}

const thread = fc.nat(3);
const origin = fc.constantFrom('one', 'two', '');
const id = fc.constantFrom(1, '1', 'ü\ud83d', '');
const uri = fc.constantFrom('file:///a', 'file:///b', 'ü\ud83d', '');
const flag = fc.option(fc.boolean(), { nil: undefined });
const reason = fc.constantFrom('closed', 'cancelled');
const operations = sequences(
	{
		weight: 8,
		arbitrary: fc.record({
			do: fc.constant('create'),
			thread,
			origin,
			id,
			filters: fc.record(
				{
					toolsListChanged: flag,
					promptsListChanged: flag,
					resourcesListChanged: flag,
					resourceSubscriptions: fc.array(uri, { maxLength: 3 }),
				},
				{ requiredKeys: [] },
			),
		}),
	},
	{
		weight: 8,
		arbitrary: fc.oneof(
			fc.record({
				do: fc.constant('send'),
				thread,
				method: fc
					.constantFrom('tools', 'prompts', 'resources', 'unknown')
					.map((list) => `notifications/${list}/list_changed`),
			}),
			fc.record({ do: fc.constant('send'), thread, method: fc.constant('notifications/resources/updated'), uri }),
		),
	},
	{ weight: 3, arbitrary: fc.record({ do: fc.constant('close'), thread, origin, id, reason }) },
	{
		weight: 1,
		arbitrary: fc.record({
			do: fc.constant('closeAll'),
			thread,
			args: fc.oneof(
				{ weight: 1, arbitrary: fc.constant([]) },
				{ weight: 4, arbitrary: fc.tuple(origin) },
				{ weight: 4, arbitrary: fc.tuple(origin, reason) },
			),
		}),
	},
);
const ends = fc.tuple(
	operations,
	fc.array(fc.record({ at: fc.nat(199), thread: fc.integer({ min: 1, max: 3 }) }), { maxLength: 2 }),
);
/** Some threads end in between. Few, because it takes a while to start one. */
const withEnds = ends.map(([sequence, ends]) => {
	for (const { at, thread } of ends) sequence[at] = /** @type {any} */ ({ do: 'end', thread });
	return sequence;
});

test(`${SEQUENTIAL} random operations on subscriptions, one after the other in four threads, give the results of a plain model`, async () => {
	await fc.assert(
		fc.asyncProperty(withEnds, async (sequence) => {
			const { threads, replace } = await inOneScope();
			const model = new SubscriptionModel(threads, replace);
			for (const operation of sequence) await model.perform(/** @type {any} */ (operation));
			await model.finish();
			await Promise.all(threads.slice(1).map((there) => there.thread.do('leave')));
		}),
		{ numRuns: Math.ceil(SEQUENTIAL / 200), seed, reporter },
	);
});

test(`${CONCURRENT} random operations on subscriptions, at the same time in four threads, call each registration correctly`, async () => {
	const { threads } = await inOneScope();
	await Promise.all(
		threads.map(async (there, thread) => {
			const options = { thread, operations: Math.ceil(CONCURRENT / 4), seed: seed + thread, names: 8 };
			await there.do('prepareWorkload', options);
		}),
	);
	await Promise.all(threads.map((there) => there.do('runWorkload')));
	assert.deepEqual(await threads[0].do('closeAll', 'passing'), { resolved: undefined });
	/** @type {Report[]} */
	const reports = await Promise.all(threads.map((there) => there.do('workloadReport')));
	try {
		assertConsistent(reports);
	} catch (error) {
		throw new Error(`RANDOM_SEED=${seed}: ${/** @type {Error} */ (error).message}`);
	}
	for (const there of threads.slice(1)) assert.deepEqual(await there.thread.do('uncaught'), []);
	// The workload was large enough.
	for (const { sent, seen } of reports) {
		assert.ok(sent > CONCURRENT / 16);
		assert.ok(seen.filter(({ created, calls }) => created && calls.length > 3).length > CONCURRENT / 200);
	}
});

describe('the check of random operations on subscriptions', () => {
	/** Returns the reports of two threads: one with a lasting registration, one with a passing and a refused registration. */
	function correctReports() {
		/** @type {Report[]} */
		const reports = [
			{
				sent: 3,
				problems: [],
				seen: [{ id: 'lasting', lasting: true, created: true, calls: ['acknowledge', [0, 0], [1, 0], [0, 1], [0, 2]] }],
			},
			{
				sent: 1,
				problems: [],
				seen: [
					{ id: 1, lasting: false, created: true, calls: ['acknowledge', [0, 1], [0, 2], 'close'] },
					{ id: 1, lasting: false, created: false, calls: [] },
				],
			},
		];
		return reports;
	}

	test('accepts correct reports', () => assertConsistent(correctReports()));

	/** @type {[string, (lasting: unknown[], passing: unknown[], refused: unknown[], reports: Report[]) => unknown][]} */
	const problems = [
		['a lasting registration that lacks the last notification', (lasting) => lasting.pop()],
		['a lasting registration that lacks the first notification', (lasting) => lasting.splice(1, 1)],
		['a lasting registration that was closed', (lasting) => lasting.push('close')],
		['a duplicated notification', (_, passing) => passing.splice(1, 0, [0, 1])],
		['two notifications in the wrong order', (_, passing) => passing.splice(1, 2, [0, 2], [0, 1])],
		['a passing registration with a gap', (_, passing) => passing.splice(1, 2, [0, 0], [0, 2])],
		['a registration that was not acknowledged', (_, passing) => passing.shift()],
		['a registration that was acknowledged twice', (_, passing) => passing.unshift('acknowledge')],
		['a registration that was not closed', (_, passing) => passing.pop()],
		['a registration that was closed twice', (_, passing) => passing.push('close')],
		['a notification after the close', (_, passing) => passing.push([1, 0])],
		['a call to a refused registration', (_, __, refused) => refused.push('acknowledge')],
		['a problem that a thread has found', (_, __, ___, reports) => reports[1].problems.push('never settled')],
	];
	for (const [what, make] of problems) {
		test(`detects ${what}`, () => {
			const reports = correctReports();
			const [lasting, passing, refused] = reports.flatMap(({ seen }) => seen.map(({ calls }) => calls));
			make(lasting, passing, refused, reports);
			assert.throws(() => assertConsistent(reports), assert.AssertionError);
		});
	}

	test('gives each thread other operations, and the same operations for the same seed', async () => {
		const sent = async (/** @type {number} */ seed) => {
			const { driver } = driveSubscriptionsHere({ scope: newScope() });
			const workload = new SubscriptionWorkload(driver.manager, { thread: 0, operations: 200, seed, names: 4 });
			await workload.run();
			return workload.report().seen.map(({ id }) => id);
		};
		assert.deepEqual(await sent(1), await sent(1));
		assert.notDeepEqual(await sent(1), await sent(2));
	});
});

/** @param {fc.RunDetails<[{ do: string }[]]>} details */
function reporter(details) {
	if (!details.failed) return;
	const shortest = details.counterexample?.[0].filter((operation) => operation.do !== 'nothing');
	const error = /** @type {Error | undefined} */ (details.errorInstance);
	throw new Error(`RANDOM_SEED=${details.seed}: ${fc.stringify(shortest)}\n${error?.message}`);
}
