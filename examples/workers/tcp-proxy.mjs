// Passes each connection to a port on to one of several others, for runtimes where threads cannot listen on one port: a
// connection cannot be handed to another thread, but its bytes can.

import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { pipeline } from 'node:stream';
import { HOST } from '../support/address.mjs';

/**
 * @param {number} port
 * @param {readonly number[]} targets the other ports
 */
export async function startProxy(port, targets) {
	const proxy = createServer({ noDelay: true }, (client) => {
		// At random, as a system that shares out connections does by a hash of the addresses.
		const target = targets[Math.floor(Math.random() * targets.length)];
		const server = connect({ host: HOST, port: target, noDelay: true });
		// If one of them is gone, so is the other.
		pipeline(client, server, client, () => {});
	});
	proxy.listen(port, HOST);
	await once(proxy, 'listening');

	/** Resolves when the last connection is closed: that is up to the targets. */
	async function close() {
		proxy.close();
		await once(proxy, 'close');
	}

	return { close };
}
