// Sessions over HTTP: a node:http server, and clients that stream the response with fetch.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, before, beforeEach, describe, test } from 'node:test';

/** @import { Implementation, StreamManager } from '../support/implementations.js' */

/** @param {Pick<Implementation, 'make'>} implementation */
export function testHttp({ make }) {
	describe('sessions over HTTP', () => {
		/** @type {import('node:http').Server} */
		let server;
		/** @type {string} */
		let address;
		/** @type {StreamManager} */
		let manager;
		/** @type {Map<string, () => void>} */
		const onCancel = new Map();

		before(async () => {
			server = createServer(async (request, response) => {
				const sessions = manager;
				const id = new URL(request.url ?? '', 'http://localhost').searchParams.get('session') ?? '';
				response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
				const stream = new ReadableStream({
					start: (controller) => sessions.create(id, controller),
					cancel: () => {
						sessions.delete(id);
						onCancel.get(id)?.();
					},
				});
				const reader = stream.getReader();
				response.once('close', () => reader.cancel());
				for (;;) {
					const { done, value } = await reader.read();
					if (done) break;
					if (!response.write(value)) await once(response, 'drain').catch(() => {});
				}
				response.end();
			}).listen(0, '127.0.0.1');
			await once(server, 'listening');
			const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
			address = `http://127.0.0.1:${port}`;
		});

		beforeEach(() => {
			manager = make();
		});

		after(() => {
			server.closeAllConnections();
			server.close();
		});

		/** @param {string} id */
		async function open(id) {
			const abort = new AbortController();
			// The server creates the session in the tick in which it sends the headers, so it exists when fetch resolves.
			const response = await fetch(`${address}/?session=${id}`, { signal: abort.signal });
			const body = /** @type {ReadableStream<Uint8Array>} */ (response.body).getReader();
			let received = '';
			return {
				leave: () => abort.abort(),
				/** Waits until this text has been received, and asserts that it is all. @param {string} text */
				async expect(text) {
					const wanted = received + text;
					while (received.length < wanted.length) {
						const { done, value } = await body.read();
						if (done) break;
						received += Buffer.from(value).toString('latin1');
					}
					assert.equal(received, wanted);
				},
				/** Asserts that the response ends without more data. */
				async end() {
					assert.deepEqual(await body.read(), { done: true, value: undefined });
				},
			};
		}

		test('get exactly the messages sent to them and to all, byte for byte', async () => {
			const clients = await Promise.all(['a', 'b', 'c'].map(open));
			manager.send(undefined, 'data: all\n\n');
			manager.send(['a', 'c'], 'data: a and c\n\n');
			manager.send(['b'], 'data: b\n\n');
			const long = `data: ${'x'.repeat(200_000)}\n\n`;
			manager.send(undefined, long);
			await clients[0].expect(`data: all\n\ndata: a and c\n\n${long}`);
			await clients[1].expect(`data: all\n\ndata: b\n\n${long}`);
			await clients[2].expect(`data: all\n\ndata: a and c\n\n${long}`);
			for (const id of ['a', 'b', 'c']) manager.delete(id);
			for (const client of clients) await client.end();
			assert.equal(manager.size, 0);
		});

		test('end when their client leaves', async () => {
			const [stays, leaves] = await Promise.all(['stays', 'leaves'].map(open));
			const cancelled = new Promise((resolve) => onCancel.set('leaves', () => resolve(undefined)));
			leaves.leave();
			await cancelled;
			assert.deepEqual(manager.ids(), ['stays']);
			manager.send(undefined, 'data: still here\n\n');
			await stays.expect('data: still here\n\n');
			manager.delete('stays');
			await stays.end();
		});

		test('get 10,000 messages in order', async () => {
			const ids = Array.from({ length: 20 }, (_, n) => `many ${n}`);
			const clients = await Promise.all(ids.map(open));
			const expected = ids.map(() => '');
			for (let n = 0; n < 10_000; n++) {
				const to = n % 3 === 0 ? undefined : ids.filter((_, index) => (index + n) % 5 === 0);
				const text = `data: ${n} ${'.'.repeat(n % 200)}\n\n`;
				manager.send(to, text);
				ids.forEach((id, index) => {
					if (to === undefined || to.includes(id)) expected[index] += text;
				});
			}
			await Promise.all(clients.map((client, index) => client.expect(expected[index])));
			for (const id of ids) manager.delete(id);
			await Promise.all(clients.map((client) => client.end()));
		});
	});
}
