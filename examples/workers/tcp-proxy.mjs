// Forwards each connection to one of several ports, for runtimes in which threads cannot share a port. A connection cannot
// be moved to another thread, but its bytes can be copied.

import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { pipeline } from 'node:stream';
import { HOST } from '../support/address.mjs';

/**
 * @param {number} port
 * @param {readonly number[]} targets the ports of the threads
 */
export async function startProxy(port, targets) {
	const proxy = createServer({ noDelay: true }, (client) => {
		// At random, because an operating system uses a hash of the addresses.
		const target = targets[Math.floor(Math.random() * targets.length)];
		const server = connect({ host: HOST, port: target, noDelay: true });
		// When one of the two is closed, the other is closed, too.
		pipeline(client, server, client, () => {});
	});
	proxy.listen(port, HOST);
	await once(proxy, 'listening');

	/** Accepts no more connections. Resolves when the targets have closed the last one. */
	async function close() {
		const closed = once(proxy, 'close');
		proxy.close();
		await closed;
	}

	return { close };
}
