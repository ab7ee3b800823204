// Stands in for the balancer that would be in front of the nodes: each request goes to the next of them, whatever session it
// is of. One that takes no connections is passed over.

import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { pipeline } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { HOST, urlOf } from '../../support/address.mjs';

/**
 * @param {number} port 0 for any that is free
 * @param {readonly number[]} targets the ports of the nodes; may change later
 */
export async function startBalancer(port, targets) {
	let turn = 0;
	const balancer = createServer(async (asked, response) => {
		try {
			// Whole, so that it can be sent to the next node where one is not there.
			const body = await buffer(asked);
			for (let tries = targets.length; tries > 0; tries--) {
				const answer = await ask(targets[turn++ % targets.length], asked, body, response);
				if (answer === undefined) continue;
				const { connection, 'keep-alive': keepAlive, ...headers } = answer.headers;
				response.writeHead(answer.statusCode ?? 502, headers).flushHeaders();
				// When the node is gone, so is the client's stream, and the other way round.
				pipeline(answer, response, () => {});
				return;
			}
			response.writeHead(502).end();
		} catch {
			// The client is gone, or the node, which may have got the request: whether to ask again is for the client to decide.
			response.destroy();
		}
	});
	balancer.listen(port, HOST);
	await once(balancer, 'listening');

	/** Resolves when the last connection is closed. */
	async function close() {
		const closed = once(balancer, 'close');
		balancer.close();
		balancer.closeIdleConnections();
		await closed;
	}

	const { port: actual } = /** @type {import('node:net').AddressInfo} */ (balancer.address());
	return { url: urlOf(actual), close };
}

/**
 * Asks a node, on a connection of its own: one that is kept may have been closed meanwhile.
 *
 * @param {number} target
 * @param {import('node:http').IncomingMessage} asked
 * @param {Buffer} body
 * @param {import('node:http').ServerResponse} response
 * @returns {Promise<import('node:http').IncomingMessage | undefined>} nothing where nobody takes connections
 */
async function ask(target, { method, url, headers }, body, response) {
	const { connection, ...passed } = headers;
	const sent = request({ host: HOST, port: target, method, path: url, headers: passed, agent: false });
	response.once('close', () => sent.destroy());
	sent.end(body);
	try {
		const [answer] = await once(sent, 'response');
		// From now on that is the end of the answer.
		sent.on('error', () => {});
		return answer;
	} catch (error) {
		if (/** @type {NodeJS.ErrnoException} */ (error).code === 'ECONNREFUSED') return undefined;
		throw error;
	}
}
