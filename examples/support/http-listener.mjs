// node:http in front of a tmcp HttpTransport, and the shutdown of both.
//
// srvx converts the requests of Node.js to web requests. It cancels the stream of a response when the client disconnects,
// even before the stream has begun. (`@remix-run/node-fetch-server` 0.14 does not, and the session would stay.)

import { once } from 'node:events';
import { createServer } from 'node:http';
import { shutdown } from '@tmcp/session-manager/node';
import { toNodeHandler } from 'srvx/node';
import { HOST, urlOf } from './address.mjs';

/** @typedef {NonNullable<import('@tmcp/session-manager/node').ShutdownOptions['managers']>} Managers */

/**
 * @typedef {object} Options
 * @property {Managers} managers those of the transport, to close them with the server
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
	const { managers, drainMs, reusePort = false, headers = {} } = options;
	const { respond = (request) => transport.respond(request) } = options;
	const listener = createServer(
		toNodeHandler(async (request) => {
			const response = (await respond(request)) ?? new Response('Not found\n', { status: 404 });
			for (const [name, value] of Object.entries(headers)) response.headers.set(name, value);
			return response;
		}),
	);
	listener.listen({ port, host: HOST, reusePort });
	await once(listener, 'listening');

	/** Ends all streams. Resolves when the last connection is closed. */
	const close = () => shutdown(listener, { managers, drainMs });

	const { port: actual } = /** @type {import('node:net').AddressInfo} */ (listener.address());
	return { url: urlOf(actual), port: actual, close };
}
