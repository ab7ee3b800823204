// Native delivery and the features of HTTP: each response has exactly the bytes that it would have without.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import { createServer as createTlsServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';

import { CertificateAuthority, hasOpenssl } from '../support/certificates.js';
import { hosts } from './hosts/index.js';
import { listening } from './hosts/listening.js';
import { loopListener } from './hosts/node-loop.js';
import { toRequest } from './hosts/requests.js';
import { isAvailable, openDirect, setUp } from './support/setup.js';
import { within } from './support/until.js';
import { PLAIN, pathOf } from './support/web-app.js';

/** @import { ServerResponse } from 'node:http' */
/** @import { HostOptions } from './hosts/listening.js' */

/**
 * Returns a host whose adapter is this function.
 *
 * @param {(response: ServerResponse, body: AsyncIterable<Uint8Array>) => unknown} adapt
 */
function adapter(adapt) {
	return ({ fetch, ...options }) => {
		const server = createServer(async (incoming, outgoing) => {
			const { body } = await fetch(toRequest(incoming));
			await adapt(outgoing, /** @type {any} */ (body));
		});
		return listening(server, options);
	};
}

/**
 * @param {ServerResponse} response
 * @param {AsyncIterable<Uint8Array>} body
 */
async function write(response, body) {
	for await (const chunk of body) response.write(chunk);
}

describe('native delivery', () => {
	for (const [name, start] of Object.entries(hosts)) {
		it(`serves a client of HTTP/1.0 without chunks, behind ${name}`, async (test) => {
			const setup = await setUp(test, { start });
			const session = await setup.open('a', { version: '1.0' });
			await session.becomesDirect();
			for (let message = 0; message < 100; message++) session.send(`data: ${message}\n\n`);
			await session.isDeleted();
			assert.equal(session.response.headers['transfer-encoding'], undefined);
			assert.equal(await session.client.closed, 'fin');
		});

		it(`serves several streams on one connection, one after the other, behind ${name}`, async (test) => {
			const setup = await setUp(test, { start });
			const client = await setup.connect();
			for (const id of ['a', 'b', 'c']) {
				const session = await setup.open(id, { client });
				await session.becomesDirect();
				for (let message = 0; message < 100; message++) session.send(`data: ${message}\n\n`);
				await session.isDeleted();
				const next = client.request('/plain');
				assert.equal(await next.ended, 'complete');
				assert.equal(next.text, PLAIN);
			}
			assert.equal(client.unread, 0);
		});

		it(`does not write on a connection before the response of an earlier request has ended, behind ${name}`, async (test) => {
			const setup = await setUp(test, { start });
			const client = await setup.connect();
			const first = await setup.open('first', { client });
			const second = await setup.open('second', { client });
			await first.becomesDirect();
			for (let message = 0; message < 50; message++) {
				first.send(`data: first ${message}\n\n`);
				second.send(`data: second ${message}\n\n`);
				if (message % 10 === 0) await turn();
			}
			await first.settled();
			assert.equal(second.response.length, 0);
			await first.isDeleted();
			for (let message = 0; message < 20; message++) {
				second.send(`data: second ${message}\n\n`);
				await second.settled();
			}
			await second.isDeleted();
		});

		it(`sends no body as an answer to HEAD, behind ${name}`, async (test) => {
			const setup = await setUp(test, { start });
			const client = await setup.connect();
			const created = setup.app.created('a');
			const head = client.request(pathOf('a'), { method: 'HEAD' });
			await within(created, () => 'the session is created');
			for (let message = 0; message < 30; message++) {
				setup.manager.send(undefined, `data: ${message}\n\n`);
				await turn();
			}
			assert.equal(setup.direct, 0);
			setup.manager.delete('a');
			assert.equal(await within(head.ended, () => 'the response to HEAD ends'), 'complete');
			const next = client.request('/plain');
			assert.equal(await within(next.ended, () => 'the next response ends'), 'complete');
			assert.equal(next.text, PLAIN);
		});
	}

	it('sends no body with status 204', async (test) => {
		const setup = await setUp(test, {
			start: adapter(async (response, body) => {
				response.writeHead(204).flushHeaders();
				await write(response, body);
				response.end();
			}),
		});
		const session = await setup.open('a');
		await session.response.head;
		for (let message = 0; message < 30; message++) {
			setup.manager.send(undefined, `data: ${message}\n\n`);
			await turn();
		}
		assert.equal(setup.direct, 0);
		setup.manager.delete('a');
		const next = session.client.request('/nothing');
		assert.equal(await within(next.head, () => 'the next response').then(() => next.status), 204);
		assert.equal(session.client.unread, 0);
	});

	it('leaves a response with a content-length', async (test) => {
		const message = 'data: of 20 bytes.\n\n';
		const setup = await setUp(test, { app: { headers: { 'content-length': String(40 * message.length) } } });
		const session = await setup.open('a');
		for (let messages = 0; messages < 40; messages++) {
			session.send(message);
			await session.settled();
			assert.equal(setup.direct, 0);
		}
		session.isCounted('content-length');
		assert.equal(setup.direct, 0);
		await session.isDeleted();
		const next = session.client.request('/plain');
		assert.equal(await next.ended, 'complete');
		assert.equal(next.text, PLAIN);
	});

	it('sends trailers after the last message', async (test) => {
		const setup = await setUp(test, {
			start: adapter(async (response, body) => {
				response.writeHead(200, { trailer: 'x-messages' }).flushHeaders();
				await write(response, body);
				response.addTrailers({ 'x-messages': 'all' });
				response.end();
			}),
		});
		const session = await setup.open('a');
		await session.becomesDirect();
		for (let message = 0; message < 100; message++) session.send(`data: ${message}\n\n`);
		await session.isDeleted();
		assert.deepEqual(session.response.trailers, { 'x-messages': 'all' });
	});

	it('serves a request with Expect: 100-continue', async (test) => {
		const setup = await setUp(test);
		const session = await setup.open('a', { method: 'POST', headers: { expect: '100-continue' }, body: 'x' });
		await session.becomesDirect();
		for (let message = 0; message < 100; message++) session.send(`data: ${message}\n\n`);
		await session.isDeleted();
	});

	it('keeps the place of what the adapter writes while the response is corked', async (test) => {
		const { setup, session } = await openDirect(test);
		const response = setup.responseOf('a');
		for (let round = 0; round < 10; round++) {
			const comment = Buffer.from(`: comment ${round}\n\n`);
			response.cork();
			response.write(comment);
			session.expected.comment(comment, false);
			session.send(`data: ${round}\n\n`);
			session.send('data: more\n\n');
			await turn();
			response.uncork();
			await session.settled();
		}
		await session.isDeleted();
	});

	it('keeps the place of what the adapter writes between messages', async (test) => {
		const { setup, session } = await openDirect(test);
		const response = setup.responseOf('a');
		for (let round = 0; round < 50; round++) {
			const comment = Buffer.from(`: comment ${round}\n\n`);
			session.expected.comment(comment, false);
			response.write(comment);
			for (let message = 0; message < round % 4; message++) session.send(`data: ${round}.${message}\n\n`);
			await session.settled();
		}
		await session.isDeleted();
	});

	it('sends everything before the end, when the adapter ends the response', async (test) => {
		const { setup, session } = await openDirect(test);
		for (let message = 0; message < 100; message++) session.send(`data: ${message} ${'x'.repeat(3_000)}\n\n`);
		// Without native delivery, the messages are on the response a turn later.
		await turn();
		const response = setup.responseOf('a');
		response.end();
		await session.ends();
		assert.equal(response.writableEnded, true);
		await session.isGone();
		const next = session.client.request('/plain');
		assert.equal(await next.ended, 'complete');
	});

	for (const keepsHalf of [false, true]) {
		const rest = keepsHalf ? 'goes on, if the server allows half-open connections' : 'ends, as the server’s default is';
		it(`a stream whose client closes its side ${rest}`, async (test) => {
			const setup = await setUp(test, {
				prepare: (server) => {
					/** @type {any} */ (server).httpAllowHalfOpen = keepsHalf;
				},
			});
			const session = await setup.open('a', { allowHalfOpen: true });
			await session.becomesDirect();
			session.client.end();
			if (keepsHalf) {
				for (let message = 0; message < 20; message++) {
					session.send(`data: ${message}\n\n`);
					await session.settled();
				}
				await session.isDeleted();
			} else {
				assert.equal(await within(session.client.closed, () => 'the connection is closed'), 'fin');
				await session.isGone();
				session.expected.verify(session.response.body, 'a', true);
			}
		});
	}

	it('leaves a connection with TLS', { skip: !hasOpenssl && 'needs openssl' }, async (test) => {
		const folder = mkdtempSync(join(tmpdir(), 'certificates-'));
		test.after(() => rmSync(folder, { recursive: true }));
		const { cert, key } = new CertificateAuthority(folder).issue('server');
		const setup = await setUp(test, {
			start: ({ fetch, ...options }) => listening(createTlsServer({ cert, key }, loopListener(fetch)), options),
		});
		const client = await setup.connect({ tls: {} });
		const session = await setup.open('a', { client });
		await session.staysOrdinary('tls');
		await session.isDeleted();
	});

	it('leaves HTTP/2', async (test) => {
		const setup = await setUp(test, { start: startHttp2 });
		const client = connectHttp2(setup.host.url);
		const created = setup.app.created('a');
		const stream = client.request({ ':path': pathOf('a') });
		let received = '';
		stream.setEncoding('utf8').on('data', (text) => {
			received += text;
		});
		await within(created, () => 'the session is created');
		let sent = '';
		for (let message = 0; message < 30; message++) {
			setup.manager.send(['a'], `data: ${message}\n\n`);
			sent += `data: ${message}\n\n`;
			await turn();
		}
		setup.manager.delete('a');
		await once(stream, 'end');
		assert.equal(received, sent);
		assert.equal(setup.direct, 0);
		if (isAvailable) assert.ok(setup.fallback.http2 > 0, JSON.stringify(setup.fallback));
	});

	for (const version of /** @type {const} */ (['1.0', '1.1'])) {
		it(`sends the last message, after what the adapter writes, when the stream ends in the same turn, over HTTP/${version}`, async (test) => {
			const setup = await setUp(test);
			const session = await setup.open('a', { version });
			await session.becomesDirect();
			const comment = Buffer.from(': comment\n\n');
			session.expected.comment(comment, false);
			setup.responseOf('a').write(comment);
			session.send('data: last\n\n');
			await session.isDeleted();
		});
	}

	it('goes on after an empty message that waits behind a large one', async (test) => {
		const setup = await setUp(test);
		const session = await setup.open('a');
		session.send('x'.repeat(22_000));
		session.send('');
		await session.settled();
		await turn();
		for (let message = 0; message < 20; message++) {
			session.send(`data: ${message}\n\n`);
			session.send('');
			await session.settled();
		}
		await session.isDeleted();
	});

	it('serves a client that reads a byte at a time', async (test) => {
		const setup = await setUp(test);
		const session = await setup.open('a', { pieceBytes: 1 });
		await session.becomesDirect();
		for (let message = 0; message < 200; message++) session.send(`data: ${message}\n\n`);
		await session.isDeleted();
		assert.ok(session.client.arrivals.every(({ bytes }) => bytes === 1));
	});

	it('opens and ends streams on an idle connection of a client that sends requests slowly', async (test) => {
		const setup = await setUp(test);
		const client = await setup.connect();
		const created = setup.app.created('a');
		for (const byte of `GET ${pathOf('a')} HTTP/1.1\r\nhost: a\r\n\r\n`) {
			client.write(byte);
			await turn();
		}
		const response = client.response();
		await within(created, () => 'the session is created');
		let sent = '';
		for (let message = 0; message < 30; message++) {
			setup.manager.send(['a'], `data: ${message}\n\n`);
			sent += `data: ${message}\n\n`;
			await response.reaches(sent.length);
		}
		setup.manager.delete('a');
		assert.equal(await response.ended, 'complete');
		assert.equal(response.text, sent);
	});
});

/** @param {HostOptions} options */
function startHttp2({ fetch, ...options }) {
	const listener = /** @type {any} */ (loopListener(fetch));
	return listening(/** @type {any} */ (createHttp2Server(listener)), options);
}
