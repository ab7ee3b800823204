// Stream managers and memory, and the end of processes and threads with open sessions.
//
// Run: npm run test:js -- lifetime

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';

import { InMemoryStreamSessionManager } from '@tmcp-native/session-manager';

import { collected } from '../support/garbage.js';
import { assertMemoryStaysFlat } from '../support/memory.js';

const run = promisify(execFile);
const program = (/** @type {string} */ name) => fileURLToPath(new URL(`../programs/${name}`, import.meta.url));

test('creating and dropping 10,000 managers with open sessions does not leak memory', async () => {
	await assertMemoryStaysFlat('dropped-managers.js', 10_000);
});

test('a process with open sessions exits on its own', async () => {
	const { stdout } = await run(process.execPath, [program('open-sessions.js')], { timeout: 30_000 });
	assert.equal(stdout, '1000 sessions open\n');
});

test('a worker thread with open sessions exits on its own', async () => {
	const worker = new Worker(program('open-sessions.js'), { stdout: true });
	assert.equal(await new Promise((resolve) => worker.once('exit', resolve)), 0);
});

test('worker threads that are terminated with open sessions do not affect other threads', async () => {
	const manager = new InMemoryStreamSessionManager();
	for (let n = 0; n < 20; n++) {
		const worker = new Worker(
			`import(${JSON.stringify(new URL('../../lib/index.js', import.meta.url))}).then(({ InMemoryStreamSessionManager }) => {
				const manager = new InMemoryStreamSessionManager();
				const controller = { enqueue() {}, close() {} };
				require('node:worker_threads').parentPort.postMessage('started');
				// With turns of the event loop, because Deno lets a worker without any run on for two seconds.
				setImmediate(function work() {
					for (let n = 0; n < 1_000; n++) {
						manager.create('session ' + (n % 100), controller);
						manager.send(undefined, 'text');
					}
					setImmediate(work);
				});
			})`,
			{ eval: true },
		);
		await new Promise((resolve) => worker.once('message', resolve));
		manager.create(`session ${n}`, { enqueue() {}, close() {} });
		await worker.terminate();
	}
	assert.equal(manager.size, 20);
});

test('a manager keeps a controller alive until its session is deleted or replaced, and no longer', async () => {
	const manager = new InMemoryStreamSessionManager();
	const held = createWeakly(manager, 'held');
	const deleted = createWeakly(manager, 'deleted');
	const replaced = createWeakly(manager, 'replaced');
	manager.delete('deleted');
	manager.create('replaced', { enqueue() {}, close() {} });
	await collected(deleted);
	await collected(replaced);
	assert.notEqual(held.deref(), undefined);
	assert.equal(manager.size, 2);
});

test('the controllers of a dropped manager are collected', async () => {
	await collected(createWeakly(new InMemoryStreamSessionManager(), 'a'));
});

/**
 * Creates a session, and returns a weak reference to its controller.
 *
 * @param {InMemoryStreamSessionManager} manager
 * @param {string} id
 */
function createWeakly(manager, id) {
	const controller = { enqueue() {}, close() {} };
	manager.create(id, controller);
	return new WeakRef(controller);
}
