// Direct sessions of a worker thread that get messages from another thread of the scope.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { InMemoryStreamSessionManager } from '@tmcp/session-manager';

import { RawClient } from './support/raw-client.js';
import { isAvailable } from './support/setup.js';
import { until, within } from './support/until.js';
import { pathOf } from './support/web-app.js';

const CLIENTS = 20;

describe('a direct session of another thread', () => {
	const manager = new InMemoryStreamSessionManager({ scope: 'sockets' });
	/** @type {Worker} */
	let worker;
	/** @type {number} */
	let port;
	before(async () => {
		worker = new Worker(new URL('./programs/scoped-server.js', import.meta.url));
		[port] = await once(worker, 'message');
	});
	after(async () => {
		await worker.terminate();
		await manager.close();
	});

	const stats = async () => {
		worker.postMessage('stats');
		return (await once(worker, 'message'))[0];
	};

	/** @param {string} name */
	async function open(name) {
		const ids = Array.from({ length: CLIENTS }, (_, index) => `${name} ${index}`);
		const clients = await Promise.all(ids.map(() => RawClient.connect(port)));
		const responses = clients.map((client, index) => client.request(pathOf(ids[index])));
		await until(() => manager.size === CLIENTS, 'all sessions exist');
		return { ids, clients, responses };
	}

	/** @param {{ responses: import('./support/raw-response.js').RawResponse[] }} open */
	async function becomeDirect({ responses }) {
		for (let round = 0; ; round++) {
			const message = `: round ${round}\n\n`;
			manager.send(undefined, message);
			await Promise.all(responses.map((response) => within(response.contains(message), () => message)));
			if (!isAvailable || (await stats()).direct === CLIENTS) return;
			assert.ok(round < 50, JSON.stringify(await stats()));
		}
	}

	/** @param {Awaited<ReturnType<typeof open>>} open */
	async function close({ ids, clients, responses }) {
		for (const id of ids) manager.delete(id);
		for (const response of responses) {
			assert.equal(await within(response.ended, () => 'the stream ends'), 'complete');
		}
		for (const client of clients) client.leave();
		await until(() => manager.size === 0, 'no session is left');
	}

	it('gets every message in order while it becomes direct', async () => {
		const opened = await open('switch');
		let sent = 0;
		const send = () => {
			manager.send(undefined, `data: ${sent} ${'x'.repeat((sent * 37) % 3_000)}\n\n`);
			manager.send([opened.ids[sent % CLIENTS]], `: alone, after ${sent}\n\n`);
			sent++;
		};
		for (let direct = 0; isAvailable ? direct < CLIENTS : sent < 100; ) {
			for (let message = 0; message < 3; message++) send();
			({ direct } = await stats());
			assert.ok(sent < 5_000, `${direct} are direct`);
		}
		for (let message = 0; message < 300; message++) {
			send();
			if (message % 10 === 0) await turn();
		}
		await close(opened);
		opened.responses.forEach(({ text }, client) => {
			const lines = text.split('\n\n').slice(0, -1);
			const numbers = lines.filter((line) => line.startsWith('data')).map((line) => Number(line.split(' ')[1]));
			assert.deepEqual(
				numbers,
				numbers.map((_, index) => sent - numbers.length + index),
			);
			const alone = lines.filter((line) => line.startsWith(':'));
			assert.ok(alone.length > 10);
			for (const line of alone) {
				const number = Number(line.split(' ').pop());
				assert.equal(number % CLIENTS, client);
				assert.ok(lines[lines.indexOf(line) - 1].startsWith(`data: ${number} `));
			}
		});
	});

	it('gets messages while the event loop of its thread is blocked', { skip: !isAvailable }, async () => {
		const opened = await open('blocked');
		await becomeDirect(opened);
		const flag = new Int32Array(new SharedArrayBuffer(4));
		worker.postMessage(flag.buffer);
		await until(() => Atomics.load(flag, 0) === 1, 'the thread is blocked');
		for (let message = 0; message < 100; message++) manager.send(undefined, `data: blocked ${message}\n\n`);
		for (const response of opened.responses) {
			await within(response.contains('data: blocked 99\n\n'), () => 'a message while the thread is blocked');
		}
		assert.equal(Atomics.load(flag, 0), 1);
		Atomics.store(flag, 0, 2);
		Atomics.notify(flag, 0);
		await close(opened);
	});

	it('gets the messages of each thread in the order in which the thread has sent them', async () => {
		const opened = await open('both');
		await becomeDirect(opened);
		worker.postMessage('send');
		for (let message = 0; message < 100; message++) {
			manager.send(undefined, `data: main ${message}\n\n`);
			if (message % 5 === 0) await turn();
		}
		const both = ['data: main 99\n\n', 'data: worker 99\n\n'];
		for (const response of opened.responses) {
			for (const last of both) await within(response.contains(last), () => last);
		}
		await close(opened);
		for (const { text } of opened.responses) {
			for (const thread of ['main', 'worker']) {
				const numbers = [...text.matchAll(RegExp(`data: ${thread} (\\d+)`, 'g'))].map(([, number]) => Number(number));
				assert.deepEqual(
					numbers,
					Array.from({ length: 100 }, (_, index) => index),
				);
			}
		}
	});
});
