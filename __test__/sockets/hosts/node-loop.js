// Plain node:http. A hand-written loop reads the body and writes each chunk.

import { once } from 'node:events';
import { createServer } from 'node:http';
import { listening } from './listening.js';
import { toRequest } from './requests.js';

/** @import { IncomingMessage, ServerResponse } from 'node:http' */
/** @import { HostOptions } from './listening.js' */

/** @param {HostOptions} options */
export function start({ fetch, ...options }) {
	return listening(createServer(loopListener(fetch)), options);
}

/** @param {HostOptions['fetch']} fetch */
export function loopListener(fetch) {
	return async (/** @type {IncomingMessage} */ incoming, /** @type {ServerResponse} */ outgoing) => {
		const { status, headers, body } = await fetch(toRequest(incoming));
		outgoing.writeHead(status, Object.fromEntries(headers)).flushHeaders();
		if (body === null) outgoing.end();
		else await copy(body, outgoing).catch(() => outgoing.destroy());
	};
}

/**
 * Writes a body on a response, and waits for `drain`. Cancels the body when the client leaves.
 *
 * @param {ReadableStream<Uint8Array>} body
 * @param {ServerResponse} outgoing
 */
async function copy(body, outgoing) {
	const reader = body.getReader();
	// A stream that was errored refuses to be canceled.
	const closed = once(outgoing, 'close').then(() => reader.cancel().catch(() => {}));
	for (;;) {
		const { done, value } = await reader.read();
		if (done) break;
		if (!outgoing.write(value)) await Promise.race([once(outgoing, 'drain'), closed]);
	}
	outgoing.end();
}
