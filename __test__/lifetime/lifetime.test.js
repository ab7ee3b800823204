// Who keeps what alive, and what is left behind.

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
const child = (/** @type {string} */ name) => fileURLToPath(new URL(`../programs/${name}`, import.meta.url));

/** DROPPED_MANAGERS=20000 makes fewer of them. */
const managers = Number(process.env.DROPPED_MANAGERS ?? 100_000);

test(`${managers.toLocaleString('en')} managers made and dropped with sessions in them leave memory flat`, async () => {
	await assertMemoryStaysFlat('dropped-managers.js', managers);
});

test('a process whose sessions are all still open exits by itself', async () => {
	const { stdout } = await run(process.execPath, [child('open-sessions.js')], { timeout: 30_000 });
	assert.equal(stdout, '1000 sessions open\n');
});

test('a worker thread whose sessions are all still open ends by itself', async () => {
	const worker = new Worker(child('open-sessions.js'), { stdout: true });
	assert.equal(await new Promise((resolve) => worker.once('exit', resolve)), 0);
});

test('worker threads that are terminated with sessions open leave the others alone', async () => {
	const manager = new InMemoryStreamSessionManager();
	for (let n = 0; n < 20; n++) {
		const worker = new Worker(
			`import(${JSON.stringify(new URL('../../lib/index.js', import.meta.url))}).then(({ InMemoryStreamSessionManager }) => {
				const manager = new InMemoryStreamSessionManager();
				const controller = { enqueue() {}, close() {} };
				require('node:worker_threads').parentPort.postMessage('started');
				for (let n = 0; ; n++) {
					manager.create('session ' + (n % 100), controller);
					manager.send(undefined, 'text');
				}
			})`,
			{ eval: true },
		);
		await new Promise((resolve) => worker.once('message', resolve));
		manager.create(`session ${n}`, { enqueue() {}, close() {} });
		await worker.terminate();
	}
	assert.equal(manager.size, 20);
});

test('a manager holds a session’s controller until the session is deleted, and not longer', async () => {
	const manager = new InMemoryStreamSessionManager();
	const held = holdWeakly(manager, 'held');
	const deleted = holdWeakly(manager, 'deleted');
	const replaced = holdWeakly(manager, 'replaced');
	manager.delete('deleted');
	manager.create('replaced', { enqueue() {}, close() {} });
	await collected(deleted);
	await collected(replaced);
	assert.notEqual(held.deref(), undefined);
	assert.equal(manager.size, 2);
});

test('a manager that is dropped lets its controllers go', async () => {
	await collected(holdWeakly(new InMemoryStreamSessionManager(), 'a'));
});

/**
 * @param {InMemoryStreamSessionManager} manager
 * @param {string} id
 */
function holdWeakly(manager, id) {
	const controller = { enqueue() {}, close() {} };
	manager.create(id, controller);
	return new WeakRef(controller);
}
