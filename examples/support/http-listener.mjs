// node:http in front of a tmcp HttpTransport, and the shutdown of both. ../shutdown.mjs shows the same shutdown in one file.
//
// srvx converts the requests of Node.js to web requests. It cancels the stream of a response when the client disconnects,
// even before the stream has begun. (`@remix-run/node-fetch-server` 0.14 does not, and the session would stay.)

import { once } from 'node:events';
import { createServer } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { toNodeHandler } from 'srvx/node';
import { HOST, urlOf } from './address.mjs';

/** Time for the client to read what is in the buffers of node:http, where no manager sees it. */
const GRACE_MS = 500;

/**
 * @typedef {object} Options
 * @property {(options: { drainMs: number }) => Promise<unknown>} closeManagers closes the managers of the transport
 * @property {number} [drainMs] time for requests to finish, and for clients to read what was sent to them, when the server stops
 * @property {boolean} [reusePort] shares the port with all other servers that listen on it with this option
 * @property {Record<string, string>} [headers] headers to add to each response
 * @property {(request: Request) => Promise<Response | null>} [respond] in place of `transport.respond`
 */

/**
 * @param {import('@tmcp/transport-http').HttpTransport<any>} transport
 * @param {number} port 0 for any free port
 * @param {Options} options
 */
export async function listen(transport, port, options) {
	const { closeManagers, drainMs = 10_000, reusePort = false, headers = {} } = options;
	const { respond = (request) => transport.respond(request) } = options;
	/** @type {Set<import('node:http').ServerResponse>} the responses that are not finished, streams among them */
	const responses = new Set();
	let isStopping = false;

	const listener = createServer(
		toNodeHandler(async (request) => {
			if (isStopping) return new Response(null, { status: 503, headers: { connection: 'close' } });
			const response = (await respond(request)) ?? new Response('Not found\n', { status: 404 });
			for (const [name, value] of Object.entries(headers)) response.headers.set(name, value);
			return response;
		}),
	);
	listener.on('request', (_request, response) => {
		responses.add(response);
		response.once('close', () => responses.delete(response));
	});
	listener.listen({ port, host: HOST, reusePort });
	await once(listener, 'listening');

	/** Ends all streams. Resolves when the last connection is closed. */
	async function close() {
		isStopping = true;
		// Accept no more connections: clients that reconnect reach another server.
		listener.close();
		const deadline = setTimeout(() => listener.closeAllConnections(), drainMs + GRACE_MS);
		// End the streams of subscriptions/listen. Wait for the requests under way; responses to GET are the streams.
		await transport.close();
		const requests = [...responses].filter(({ req }) => req.method !== 'GET');
		await Promise.race([allClosed(requests), delay(drainMs, undefined, { ref: false })]);
		// Close each stream when its client has read what is queued, after `drainMs` the others.
		await closeManagers({ drainMs });
		// Wait until node:http has written the rest. Close the connections that are left: they have no response under way.
		await allClosed([...responses]);
		listener.closeAllConnections();
		clearTimeout(deadline);
	}

	const { port: actual } = /** @type {import('node:net').AddressInfo} */ (listener.address());
	return { url: urlOf(actual), port: actual, close };
}

/** @param {import('node:http').ServerResponse[]} responses */
function allClosed(responses) {
	return Promise.allSettled(responses.map((response) => once(response, 'close')));
}
