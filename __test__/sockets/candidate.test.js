// The proof that a stream reaches its socket unchanged (`lib/sockets/candidate.js`), on real responses of node:http.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { describe, test } from 'node:test';
import { Candidate } from '../../lib/sockets/candidate.js';

/** @import { ServerResponse } from 'node:http' */

/** @typedef {(body: ReadableStream<Uint8Array<ArrayBuffer>>, response: ServerResponse) => unknown} Adapter */

const IS_BEFORE_24 = Number.parseInt(process.versions.node, 10) < 24;
/** More than the number of messages after which every candidate is judged. */
const MESSAGES = 8;

/** Ways to write a stream to a response that change nothing. @type {Record<string, Adapter>} */
const plain = {
	'a loop of reads': async (body, response) => {
		const reader = body.getReader();
		for (;;) {
			const { done, value } = await reader.read();
			if (done) break;
			response.write(value);
		}
		response.end();
	},
	'reads in callbacks': (body, response) => {
		const reader = body.getReader();
		/** @type {(result: { done: boolean, value?: Uint8Array }) => unknown} */
		const next = ({ done, value }) => {
			if (done) return response.end();
			response.write(value);
			return reader.read().then(next);
		};
		reader.read().then(next);
	},
	'a for await loop': async (body, response) => {
		for await (const chunk of body) response.write(chunk);
		response.end();
	},
	'Readable.fromWeb().pipe()': (body, response) => Readable.fromWeb(/** @type {any} */ (body)).pipe(response),
};

/** @type {Adapter} */
const loop = plain['a loop of reads'];

/** What may stand between a stream and its response. @type {Record<string, Adapter>} */
const wrapped = {
	'a TransformStream that changes nothing': (body, response) =>
		loop(/** @type {any} */ (body.pipeThrough(new TransformStream())), response),
	'a TransformStream that changes some messages': (body, response) => {
		const encoder = new TextEncoder();
		const redact = new TransformStream({
			transform(chunk, controller) {
				controller.enqueue(Buffer.from(chunk).includes('3') ? encoder.encode('x') : chunk);
			},
		});
		return loop(/** @type {any} */ (body.pipeThrough(redact)), response);
	},
	'a tee with a logger': (body, response) => {
		const [first, second] = body.tee();
		second.pipeTo(new WritableStream());
		return loop(first, response);
	},
	'a generator that passes chunks on': (body, response) =>
		loop(
			/** @type {any} */ (ReadableStream).from(
				(async function* () {
					yield* body;
				})(),
			),
			response,
		),
	'a loop that copies': async (body, response) => {
		for await (const chunk of body) response.write(Buffer.from(chunk));
	},
	'a loop that writes later': async (body, response) => {
		for await (const chunk of body) setImmediate(() => response.write(chunk));
	},
	'a loop that joins two messages': async (body, response) => {
		/** @type {Uint8Array[]} */
		let waiting = [];
		for await (const chunk of body) {
			waiting.push(chunk);
			if (waiting.length === 2) response.write(Buffer.concat(waiting));
			if (waiting.length === 2) waiting = [];
		}
	},
};

describe('a stream whose response is written by', () => {
	for (const [name, adapter] of Object.entries(plain)) {
		test(`${name} is proven to reach the socket unchanged`, async () => {
			assert.equal(await verdictOn(adapter), 'proven');
		});
	}

	for (const [name, adapter] of Object.entries(wrapped)) {
		test(`${name} is not proven`, async () => {
			assert.notEqual(await verdictOn(adapter), 'proven');
		});
	}

	test('a pipe into a WritableStream is proven where a pipe can be told from a TransformStream', async () => {
		const verdict = await verdictOn((body, response) =>
			body.pipeTo(new WritableStream({ write: (chunk) => void response.write(chunk) })),
		);
		assert.equal(verdict, IS_BEFORE_24 ? 'transformed' : 'proven');
	});
});

describe('a response with', () => {
	test('a content-length is not proven', async () => {
		assert.equal(await verdictOn(loop, { 'content-length': '1000' }), 'content-length');
	});

	test('a content-encoding is not proven', async () => {
		assert.equal(await verdictOn(loop, { 'content-encoding': 'gzip' }), 'content-encoding');
	});

	test('a replaced end() is not proven', async () => {
		const verdict = await verdictOn((body, response) => {
			const { end } = response;
			response.end = (/** @type {any[]} */ ...args) => Reflect.apply(end, response, args);
			return loop(body, response);
		});
		assert.equal(verdict, 'transformed');
	});

	test('a write() that is replaced after the session was created is not proven', async () => {
		const verdict = await verdictOn((body, response) => {
			const { write } = response;
			response.write = (/** @type {any[]} */ ...args) => Reflect.apply(write, response, args);
			return loop(body, response);
		});
		assert.equal(verdict, 'transformed');
	});

	test('bytes that other code writes to the socket is not proven', async () => {
		const verdict = await verdictOn(async (body, response) => {
			for await (const chunk of body) {
				response.write(chunk);
				response.socket?.write('x');
			}
		});
		assert.equal(verdict, 'transformed');
	});

	test('comments that the adapter writes is proven', async () => {
		const verdict = await verdictOn(async (body, response) => {
			for await (const chunk of body) {
				response.write(': comment\n\n');
				response.write(chunk);
			}
		});
		assert.equal(verdict, 'proven');
	});
});

/**
 * Sends messages through a stream to a client, each when the client has the one before, and returns the verdict.
 *
 * @param {Adapter} adapter
 * @param {Record<string, string>} [headers]
 * @returns {Promise<string | undefined>}
 */
async function verdictOn(adapter, headers) {
	/** @type {string | undefined} */
	let verdict;
	const server = createServer((_, response) => {
		response.writeHead(200, { 'content-type': 'text/event-stream', ...headers });
		response.flushHeaders();
		/** @type {ReadableStreamDefaultController | undefined} */
		let controller;
		const body = new ReadableStream({
			start(started) {
				controller = started;
				new Candidate(started, response, {
					proven() {
						verdict = 'proven';
						return true;
					},
					refuted(reason) {
						verdict = reason;
					},
				});
			},
		});
		adapter(body, response);
		send(/** @type {ReadableStreamDefaultController} */ (/** @type {unknown} */ (controller)), response);
	}).listen(0, '127.0.0.1');
	await once(server, 'listening');
	const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
	const client = connect(port, '127.0.0.1');
	client.resume().write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
	await once(client, 'close');
	server.close();
	return verdict;
}

/**
 * Enqueues messages, one in each turn in which the response has nothing to write, and then cuts the connection.
 *
 * @param {ReadableStreamDefaultController} controller
 * @param {ServerResponse} response
 */
async function send(controller, response) {
	for (let message = 0; message < MESSAGES; message++) {
		// Two turns: one for the adapter, one for the socket.
		for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
		controller.enqueue(new TextEncoder().encode(`data: ${message}\n\n`));
	}
	for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve));
	response.destroy();
}
