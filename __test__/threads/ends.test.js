// Ends of threads: when a thread of a scope ends, in any way and while others are busy, its own sessions are removed, and
// nothing else.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { describe, test as testOf } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { newScope, openHere, Thread } from '../support/threads/threads.js';
import { until } from '../support/until.js';

/** @import { StreamDriverProxy } from '../support/threads/threads.js' */

const TIMEOUT_MS = 60_000;
/** Time of a program that ends at once, except on Bun, where one does not end. */
const SHORT_PROGRAM_MS = 25_000;
/** Time of a program that takes 5 to 10 s of both processors. It ends before the test, which then reports what it printed. */
const LONG_PROGRAM_MS = TIMEOUT_MS - 5_000;

/**
 * Defines a test with a timeout, so that a test that waits forever fails alone.
 *
 * @param {string} name
 * @param {() => unknown} what
 */
const test = (name, what) => testOf(name, { timeout: TIMEOUT_MS }, what);

/** Ways in which a worker ends. @type {Record<string, (worker: Thread, there: StreamDriverProxy) => unknown>} */
const ways = {
	'was terminated': (worker) => worker.terminate(),
	'was terminated while it was blocked': (worker, there) => {
		const flags = new Int32Array(new SharedArrayBuffer(4));
		there.run((_, flags) => Atomics.wait(flags, 0, 0), flags).catch(() => {});
		worker.terminate();
	},
	'was terminated while it sent without a pause': async (worker, there) => {
		const flags = new Int32Array(new SharedArrayBuffer(4));
		const forever = there.run(({ manager }, flags) => {
			for (;;) {
				manager.send(undefined, 'x');
				manager.send(['here', 'there'], 'x');
				Atomics.store(flags, 0, 1);
			}
		}, flags);
		forever.catch(() => {});
		await until(() => Atomics.load(flags, 0) === 1);
		worker.terminate();
	},
	'failed with an uncaught error': (_, there) => {
		there
			.run(() => {
				process.removeAllListeners('uncaughtException');
				setImmediate(() => {
					throw new Error('nobody catches this');
				});
			})
			.catch(() => {});
	},
	'called process.exit()': (_, there) => {
		there.run(() => process.exit(3)).catch(() => {});
	},
	'called process.exit() during a delivery': (_, there) => {
		there
			.run(({ manager }) => {
				manager.create('exits', { enqueue: () => process.exit(3), close() {} });
				manager.send(['exits'], 'x');
			})
			.catch(() => {});
	},
	'had no work left': (_, there) => {
		there
			.run(({ tools }) => {
				// In Deno the port has no `close`.
				if (tools.parentPort?.close) tools.parentPort.close();
				else globalThis.close();
			})
			.catch(() => {});
	},
};

describe('the sessions of a worker', () => {
	for (const [way, end] of Object.entries(ways)) {
		test(`are removed for all other threads at its end, when it ${way}`, async () => {
			const scope = newScope();
			const here = openHere({ scope });
			const [other, ending] = [new Thread(), new Thread()];
			const [there, endingDriver] = await Promise.all([other.open({ scope }), ending.open({ scope })]);
			await here.do('create', 'here');
			await there.do('create', 'there');
			const ids = Array.from({ length: 100 }, (_, n) => `of the ending thread ${n}`);
			for (const id of ids) await endingDriver.do('create', id);
			assert.equal(here.driver.size(), 102);

			await end(ending, endingDriver);
			await ending.ended;
			// In the same turn, before any other call.
			assert.equal(here.driver.size(), 2);
			assert.deepEqual(here.driver.ids(), ['here', 'there']);
			for (const id of ids) assert.equal(await here.do('has', id), false);
			assert.equal(await there.do('size'), 2);

			here.driver.send(ids, 'to no session');
			here.driver.delete(ids[0]);
			await here.do('flush');
			const got = (await there.do('seen', 'there'))[0].messages.length;
			here.driver.send(undefined, 'to the remaining sessions');
			await here.do('flush');
			assert.deepEqual((await there.do('seen', 'there'))[0].messages.slice(got), ['to the remaining sessions']);
			await there.do('create', ids[0]);
			here.driver.send(ids, 'to the session with that id');
			await here.do('flush');
			assert.deepEqual(await there.do('seen', ids[0]), [{ messages: ['to the session with that id'], closed: 0 }]);
			assert.deepEqual(await there.do('uncaught'), []);
			await other.terminate();
		});
	}

	test('that replaced others are removed with it, and the replaced sessions stay closed', async () => {
		const scope = newScope();
		const here = openHere({ scope });
		const worker = new Thread();
		const there = await worker.open({ scope });
		await here.do('create', 'a');
		await there.do('create', 'a');
		await there.do('flush');
		await worker.terminate();
		assert.equal(here.driver.size(), 0);
		assert.deepEqual(here.driver.seen('a'), [{ messages: [], closed: 1 }]);
		here.driver.create('a');
		here.driver.send(['a'], 'x');
		assert.deepEqual(here.driver.seen('a').at(-1), { messages: ['x'], closed: 0 });
	});
});

test('flush() always resolves in a thread that sends to an ending thread', async () => {
	const scope = newScope();
	const here = openHere({ scope });
	for (let round = 0; round < 10; round++) {
		const worker = new Thread();
		const there = await worker.open({ scope });
		await there.do('create', 'a');
		let ended = false;
		worker.ended.then(() => {
			ended = true;
		});
		let flushes = 0;
		const flushing = (async () => {
			while (!ended) {
				for (let n = 0; n < 100; n++) here.driver.send(undefined, 'x');
				await here.do('flush');
				flushes++;
				// A flush with nothing pending resolves without a turn of the event loop.
				await turn();
			}
		})();
		await until(() => flushes >= round);
		worker.terminate();
		await flushing;
	}
	assert.equal(here.driver.size(), 0);
	assert.equal(here.driver.stats().mailboxBytes, 0);
});

test('60 workers that end at random moments, while four threads send without pause, leave nothing behind', async () => {
	const { code, signal, stdout, stderr } = await child('../stress/thread-ends.js', '60', LONG_PROGRAM_MS);
	assert.deepEqual([code, signal], [0, null], `${stdout}${stderr}`);
	assert.deepEqual(JSON.parse(stdout).problems, [], stderr);
});

describe('20 processes whose main thread ends while its workers send', () => {
	for (const [how, expected] of /** @type {const} */ ([
		['exit', 7],
		['throw', 1],
	])) {
		test(`exit with code ${expected} on ${how === 'exit' ? 'process.exit(7)' : 'an uncaught error'}, without a crash`, async () => {
			for (let round = 0; round < 10; round++) {
				const ends = await Promise.all(
					[0, 1].map(() => child('../programs/end-while-posting.js', how, SHORT_PROGRAM_MS)),
				);
				for (const { code, signal, stderr } of ends) {
					assert.deepEqual([code, signal], [expected, null], stderr);
					if (how === 'throw') assert.match(stderr, /nobody catches this/);
					else assert.equal(stderr, '');
				}
			}
		});
	}
});

/**
 * Runs a program to its end.
 *
 * @param {string} program
 * @param {string} argument
 * @param {number} limitMs
 * @returns {Promise<{ code: number | null, signal: string | null, stdout: string, stderr: string }>}
 */
function child(program, argument, limitMs) {
	const path = fileURLToPath(new URL(program, import.meta.url));
	return new Promise((resolve, reject) => {
		const running = spawn(process.execPath, [path, argument], { timeout: limitMs, killSignal: 'SIGKILL' });
		const [stdout, stderr] = [running.stdout, running.stderr].map((stream) => {
			/** @type {string[]} */
			const texts = [];
			stream.setEncoding('utf8').on('data', (text) => texts.push(text));
			return texts;
		});
		running.once('error', reject);
		running.once('close', (code, signal) => {
			resolve({ code, signal, stdout: stdout.join(''), stderr: stderr.join('') });
		});
	});
}
