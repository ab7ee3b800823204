// Stream managers of one scope: several of them in one thread, the collection of a manager, and the options `scope` and
// `maxMailboxBytes`.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';

import { InMemoryStreamSessionManager } from '@tmcp-native/session-manager';

import { collected } from '../support/garbage.js';
import { assertMemoryStaysFlat, MEMORY_TEST_MS } from '../support/memory.js';
import { fakeController } from '../support/streams.js';
import { flush, open, startThreads } from '../support/threads/stream-threads.js';
import { newScope, openHere, Thread } from '../support/threads/threads.js';
import { test } from '../support/threads/workers.js';
import { until } from '../support/until.js';

const run = promisify(execFile);
const child = (/** @type {string} */ name) => fileURLToPath(new URL(`../programs/${name}`, import.meta.url));

const { workers, inOneScope } = startThreads();

describe('two managers of one scope in one thread', () => {
	test('share their sessions, and deliver to each other’s synchronously', async () => {
		const scope = newScope();
		const [first, second] = [new InMemoryStreamSessionManager({ scope }), new InMemoryStreamSessionManager({ scope })];
		const [a, b, newer] = [fakeController(), fakeController(), fakeController()];
		first.create('a', a);
		second.create('b', b);
		for (const manager of [first, second]) {
			assert.equal(manager.size, 2);
			assert.deepEqual(manager.ids(), ['a', 'b']);
			assert.equal(await manager.has('a'), true);
			assert.equal(await manager.has('b'), true);
		}
		second.send(['a'], 'one');
		second.send(['a', 'b'], 'two');
		first.send(undefined, 'three');
		assert.deepEqual(
			[a.messages, b.messages],
			[
				['one', 'two', 'three'],
				['two', 'three'],
			],
		);
		second.delete('a');
		first.create('b', newer);
		assert.deepEqual([a.closed, b.closed, newer.closed], [1, 1, 0]);
		second.send(['b'], 'four');
		assert.deepEqual([b.messages, newer.messages], [['two', 'three'], ['four']]);
	});

	test('get each message of another thread once', async () => {
		const { here, one, scope } = await inOneScope();
		await one.run((driver, /** @type {string} */ scope) => {
			const { tools, own } = driver;
			own.second = new tools.InMemoryStreamSessionManager({ scope });
			own.b = tools.fakeController();
			driver.create('a');
			own.second.create('b', own.b);
		}, scope);
		here.driver.send(undefined, 'one');
		here.driver.send(['a', 'b'], 'two');
		await here.driver.flush();
		assert.deepEqual(await one.do('seen', 'a'), [open('one', 'two')]);
		assert.deepEqual(await one.run(({ own }) => own.b.messages), ['one', 'two']);
	});
});

describe('a manager of a scope', () => {
	test('that is collected ends the sessions of its thread, and no others', async () => {
		const { here, two, scope } = await inOneScope();
		await here.do('create', 'here');
		await two.do('create', 'two');
		const worker = new Thread();
		await (await worker.open()).run(async ({ tools }, /** @type {string} */ scope) => {
			const { InMemoryStreamSessionManager, fakeController, collected } = tools;
			const make = () => {
				const controller = fakeController();
				const manager = new InMemoryStreamSessionManager(/** @type {any} */ ({ scope }));
				for (let n = 0; n < 100; n++) manager.create(`dropped ${n}`, controller);
				return [new WeakRef(manager), new WeakRef(controller)];
			};
			for (const reference of make()) await collected(reference);
		}, scope);
		await until(() => here.driver.size() === 2);
		assert.deepEqual(await two.do('ids'), ['here', 'two']);
		here.driver.send(undefined, 'x');
		await flush(here);
		assert.deepEqual(await two.do('seen', 'two'), [open('x')]);
		await worker.terminate();
	});

	test('leaves its sessions to the other managers of its thread when it is collected', async () => {
		const { here, one, scope } = await inOneScope();
		const controller = fakeController();
		await collectedManager(scope, controller);
		for (let turns = 0; turns < 20; turns++) await turn();
		assert.equal(await one.do('has', 'of the collected'), true);
		await one.do('send', undefined, 'x');
		await flush(one);
		here.driver.send(['of the collected'], 'y');
		assert.deepEqual(controller.messages, ['x', 'y']);
	});

	test('that is collected leaves a scope that can be used again', async () => {
		const scope = newScope();
		for (let round = 0; round < 3; round++) {
			await collectedManager(scope, fakeController());
			const other = await workers[0].open({ scope });
			await until(async () => (await other.do('size')) === 0);
			await other.do('leave');
		}
		const again = openHere({ scope });
		again.driver.create('a');
		again.driver.send(undefined, 'x');
		assert.deepEqual(again.driver.seen('a'), [open('x')]);
	});

	const flat = () => assertMemoryStaysFlat('dropped-scoped-managers.js', 5_000);
	test('keeps memory flat when 5,000 scopes with two managers each are created and dropped', flat, MEMORY_TEST_MS);

	test('keeps neither the process nor a worker alive', async () => {
		const { stdout } = await run(process.execPath, [child('open-scoped-sessions.js')], { timeout: 30_000 });
		assert.equal(stdout, '2000 sessions are open\nthe worker ended with 0\n1000 sessions are left\n');
	});

	test('does not keep a worker alive, even with messages pending for it', async () => {
		const scope = newScope();
		const here = openHere({ scope });
		const worker = new Worker(child('open-scoped-sessions.js'), { workerData: scope });
		const ended = new Promise((resolve) => worker.once('exit', resolve));
		await new Promise((resolve) => worker.once('message', resolve));
		assert.equal(here.driver.size(), 1_000);
		worker.postMessage('seen');
		let exited = false;
		ended.then(() => {
			exited = true;
		});
		// No matter how often it is woken.
		await until(async () => {
			for (let n = 0; n < 10; n++) here.driver.send(undefined, 'x');
			await flush(here);
			return exited;
		});
		assert.equal(await ended, 0);
		assert.equal(here.driver.size(), 0);
	});
});

/**
 * Creates a manager with a session, and settles when the manager was collected.
 *
 * @param {string} scope
 * @param {ReturnType<typeof fakeController>} controller
 */
async function collectedManager(scope, controller) {
	const make = () => {
		const manager = new InMemoryStreamSessionManager({ scope });
		manager.create('of the collected', controller);
		return new WeakRef(manager);
	};
	await collected(make());
}

describe('an option', () => {
	/** @type {[any, string][]} */
	const mistakes = [
		[{ scope: '' }, 'scope'],
		[{ scope: 5 }, 'scope'],
		[{ scope: null }, 'scope'],
		[{ scope: ['a'] }, 'scope'],
		[{ maxMailboxBytes: 1_000 }, 'maxMailboxBytes'],
		...[0, -1, 1.5, NaN, 'x', '1000', null, 10n].map(
			(bytes) => /** @type {[any, string]} */ ([{ scope: newScope(), maxMailboxBytes: bytes }, 'maxMailboxBytes']),
		),
	];
	for (const [options, name] of mistakes) {
		const isNumber = typeof options.maxMailboxBytes === 'number' && options.scope !== undefined;
		const given = Object.entries(options).map(([name, value]) => `${name}: ${typeof value} ${String(value)}`);
		test(`is refused when it is invalid: ${given.at(-1)}`, () => {
			assert.throws(
				() => new InMemoryStreamSessionManager(options),
				(/** @type {any} */ error) => {
					assert.ok(error instanceof (isNumber ? RangeError : TypeError));
					assert.equal(error.code, isNumber ? 'ERR_OUT_OF_RANGE' : 'ERR_INVALID_ARG_TYPE');
					assert.match(error.message, new RegExp(`InMemoryStreamSessionManager: .*"${name}"`));
					return true;
				},
			);
		});
	}

	test('has no effect when it is undefined', () => {
		const manager = new InMemoryStreamSessionManager({ scope: undefined, maxMailboxBytes: undefined });
		manager.create('a', fakeController());
		assert.equal(new InMemoryStreamSessionManager({ scope: undefined }).size, 0);
	});

	test('with an unknown name is refused, and the error suggests the nearest known name', () => {
		const [scop, maxMailboxByte] = [{ scop: 'a' }, { scope: 'a', maxMailboxByte: 1 }];
		for (const [options, meant] of /** @type {[any, string][]} */ ([
			[scop, 'scope'],
			[maxMailboxByte, 'maxMailboxBytes'],
		])) {
			assert.throws(() => new InMemoryStreamSessionManager(options), {
				name: 'TypeError',
				code: 'ERR_UNKNOWN_OPTION',
				message: new RegExp(`did you mean "${meant}"\\?$`),
			});
		}
	});

	test('maxMailboxBytes must be the same for all managers of a scope in one thread', async () => {
		const { scope, here, one } = await inOneScope({ maxMailboxBytes: 1_000_000 });
		here.driver.create('a');
		for (const manager of [openHere, (/** @type {any} */ options) => new InMemoryStreamSessionManager(options)]) {
			assert.throws(() => manager({ scope, maxMailboxBytes: 1_000_001 }), {
				name: 'TypeError',
				code: /^ERR_INVALID_ARG_VALUE$|^ERR_INVALID_ARG_TYPE$/,
				message: /"maxMailboxBytes"/,
			});
		}
		assert.equal(openHere({ scope, maxMailboxBytes: 1_000_000 }).driver.size(), 1);
		await one.do('send', ['a'], 'x');
		await flush(one);
		assert.deepEqual(here.driver.seen('a'), [open('x')]);
	});

	test('maxMailboxBytes may differ between threads', async () => {
		const scope = newScope();
		const here = openHere({ scope, maxMailboxBytes: 1_000 });
		const there = await workers[0].open({ scope, maxMailboxBytes: 1_000_000 });
		await there.do('create', 'a');
		here.driver.send(['a'], 'x'.repeat(100_000));
		await flush(here);
		assert.deepEqual(await there.do('seen', 'a'), [open('x'.repeat(100_000))]);
	});
});
