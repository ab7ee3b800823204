// A load balancer for the example. Each request goes to the next node, regardless of its session. A node that refuses the
// connection is skipped.

import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { pipeline } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { HOST, urlOf } from '../../support/address.mjs';

/**
 * @param {number} port 0 for any free port
 * @param {readonly number[]} targets the ports of the nodes. The array may change later
 */
export async function startBalancer(port, targets) {
	let requests = 0;
	const balancer = createServer(async (incoming, response) => {
		try {
			// Reads the whole body, so that it can be sent to the next node if one refuses the connection.
			const body = await buffer(incoming);
			for (let tries = targets.length; tries > 0; tries--) {
				const upstream = await forward(targets[requests++ % targets.length], incoming, body, response);
				if (upstream === undefined) continue;
				const { connection, 'keep-alive': keepAlive, ...headers } = upstream.headers;
				response.writeHead(upstream.statusCode ?? 502, headers).flushHeaders();
				// When the node or the client disconnects, the other connection is closed, too.
				pipeline(upstream, response, () => {});
				return;
			}
			response.writeHead(502).end();
		} catch {
			// The client or the node has disconnected. The node may have processed the request: only the client can repeat it.
			response.destroy();
		}
	});
	balancer.on('request', (_, response) => {
		// `close()` closes the connections that are idle at that time. This one becomes idle later.
		response.once('close', () => {
			if (!balancer.listening) balancer.closeIdleConnections();
		});
	});
	balancer.listen(port, HOST);
	await once(balancer, 'listening');

	/** Accepts no more connections. Resolves when the last one is closed. */
	async function close() {
		const closed = once(balancer, 'close');
		balancer.close();
		await closed;
	}

	const { port: actual } = /** @type {import('node:net').AddressInfo} */ (balancer.address());
	return { url: urlOf(actual), close };
}

/**
 * Sends a request to a node, on a new connection: a kept connection may be closed at the same time.
 *
 * @param {number} target
 * @param {import('node:http').IncomingMessage} incoming
 * @param {Buffer} body
 * @param {import('node:http').ServerResponse} response
 * @returns {Promise<import('node:http').IncomingMessage | undefined>} undefined if the node refuses the connection
 */
async function forward(target, { method, url, headers }, body, response) {
	const { connection, ...passed } = headers;
	const sent = request({ host: HOST, port: target, method, path: url, headers: passed, agent: false });
	response.once('close', () => sent.destroy());
	sent.end(body);
	try {
		const [upstream] = await once(sent, 'response');
		// From now on, errors end the response.
		sent.on('error', () => {});
		return upstream;
	} catch (error) {
		if (/** @type {NodeJS.ErrnoException} */ (error).code === 'ECONNREFUSED') return undefined;
		throw error;
	}
}
