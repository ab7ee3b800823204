// Code between the stream of a session and its response, which reads or changes the messages. It sees every message, with
// native delivery, too.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import compression from 'compression';

import * as express from './hosts/express.js';
import { hosts } from './hosts/index.js';
import { setUp } from './support/setup.js';

/** @import { Body } from './support/web-app.js' */

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** @param {(text: string) => string} rewrite */
function transformed(rewrite) {
	return (/** @type {Body} */ body) =>
		body.pipeThrough(
			new TransformStream({
				transform(chunk, controller) {
					const text = decoder.decode(chunk);
					const changed = rewrite(text);
					if (changed === text) controller.enqueue(chunk);
					else controller.enqueue(encoder.encode(changed));
				},
			}),
		);
}

describe('native delivery', () => {
	it('leaves a response that the compression middleware compresses', async (test) => {
		const setup = await setUp(test, {
			start: (options) => express.start({ ...options, use: [compression({ threshold: 0 })] }),
		});
		const session = await setup.open('a', { headers: { 'accept-encoding': 'gzip' } });
		await session.staysOrdinary('content-encoding', 'transformed');
		setup.manager.delete('a');
		assert.equal(await session.response.ended, 'complete');
		assert.equal(session.response.headers['content-encoding'], 'gzip');
		session.expected.verify(gunzipSync(session.response.body), 'a', true);
	});

	it('leaves a response that the compression middleware wraps, also where it does not compress', async (test) => {
		const setup = await setUp(test, {
			start: (options) => express.start({ ...options, use: [compression({ filter: () => false })] }),
		});
		const session = await setup.open('a');
		await session.staysOrdinary('transformed');
		await session.isDeleted();
	});

	it('leaves a response whose content-encoding the app has set', async (test) => {
		const setup = await setUp(test, { app: { headers: { 'content-encoding': 'identity' } } });
		const session = await setup.open('a');
		await session.staysOrdinary('content-encoding');
		await session.isDeleted();
	});

	for (const [name, start] of Object.entries(hosts)) {
		it(`leaves a TransformStream that rewrites a few messages, behind ${name}`, async (test) => {
			const setup = await setUp(test, {
				start,
				app: { wrap: transformed((text) => text.replaceAll('secret', 'hidden')) },
			});
			const session = await setup.open('a');
			await session.staysOrdinary('transformed');
			for (let message = 0; message < 20; message++) {
				setup.manager.send(['a'], `data: secret ${message}\n\n`);
				session.expected.message(Buffer.from(`data: hidden ${message}\n\n`));
				await session.settled();
			}
			await session.isDeleted();
		});

		it(`leaves a stream that a logger reads by tee(), behind ${name}`, async (test) => {
			let logged = '';
			const setup = await setUp(test, {
				start,
				app: {
					wrap: (body) => {
						const [first, second] = body.tee();
						const write = (/** @type {Uint8Array} */ chunk) => {
							logged += decoder.decode(chunk);
						};
						second.pipeTo(new WritableStream({ write }));
						return first;
					},
				},
			});
			const session = await setup.open('a');
			await session.staysOrdinary('transformed');
			await session.isDeleted();
			assert.equal(logged, session.response.text);
		});
	}

	it('leaves a TransformStream that joins messages', async (test) => {
		let half = '';
		const setup = await setUp(test, {
			app: {
				wrap: (body) =>
					body.pipeThrough(
						new TransformStream({
							transform(chunk, controller) {
								const whole = half + decoder.decode(chunk);
								const isWhole = half !== '';
								half = isWhole ? '' : whole;
								if (isWhole) controller.enqueue(encoder.encode(whole));
							},
							flush: (controller) => controller.enqueue(encoder.encode(half)),
						}),
					),
			},
		});
		const session = await setup.open('a');
		await session.staysOrdinary('transformed');
		await session.isDeleted();
		const pairs = session.response.text.match(/: message.*\n\n: message.*\n\n/g)?.map((pair) => pair.length);
		assert.deepEqual(session.response.frames.slice(0, pairs?.length), pairs);
	});

	it('leaves a TransformStream that splits messages', async (test) => {
		const setup = await setUp(test, {
			app: {
				wrap: (body) =>
					body.pipeThrough(
						new TransformStream({
							transform(chunk, controller) {
								controller.enqueue(chunk.slice(0, 3));
								controller.enqueue(chunk.slice(3));
							},
						}),
					),
			},
		});
		const session = await setup.open('a');
		await session.staysOrdinary('transformed');
		await session.isDeleted();
	});

	it('leaves a TransformStream that passes all messages on', async (test) => {
		const setup = await setUp(test, { app: { wrap: (body) => body.pipeThrough(new TransformStream()) } });
		const session = await setup.open('a');
		await session.staysOrdinary('transformed');
		await session.isDeleted();
	});

	it('leaves a stream that an async generator copies', async (test) => {
		const setup = await setUp(test, {
			app: {
				wrap: (body) => {
					const copies = (async function* () {
						for await (const chunk of /** @type {any} */ (body)) yield new Uint8Array(chunk);
					})();
					return /** @type {any} */ (ReadableStream).from(copies);
				},
			},
		});
		const session = await setup.open('a');
		await session.staysOrdinary('transformed');
		await session.isDeleted();
	});

	it('leaves a response whose write method a middleware has replaced', async (test) => {
		/** @type {string[]} */
		const written = [];
		const setup = await setUp(test, {
			start: (options) =>
				express.start({
					...options,
					use: [
						(_request, response, next) => {
							const { write } = response;
							response.write = (/** @type {any} */ chunk, /** @type {any[]} */ ...rest) => {
								written.push(decoder.decode(chunk));
								return /** @type {any} */ (write).call(response, chunk, ...rest);
							};
							next();
						},
					],
				}),
		});
		const session = await setup.open('a');
		await session.staysOrdinary('transformed');
		await session.isDeleted();
		assert.equal(written.join(''), session.response.text);
	});

	it('leaves a response whose write method the app replaces before the first message', async (test) => {
		const setup = await setUp(test);
		const session = await setup.open('a');
		const response = setup.responseOf('a');
		const { write } = response;
		/** @type {string[]} */
		const written = [];
		response.write = (/** @type {any} */ chunk, /** @type {any[]} */ ...rest) => {
			written.push(decoder.decode(chunk));
			return /** @type {any} */ (write).call(response, chunk, ...rest);
		};
		await session.staysOrdinary('transformed');
		await session.isDeleted();
		assert.equal(written.join(''), session.response.text);
	});
});
