// A server that answers like a Sentinel, and names the primary that a test sets.

import { once } from 'node:events';
import { createServer } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';

/** @import { AddressInfo, Socket } from 'node:net' */

export class FakeSentinel {
	#server;
	/** @type {Set<Socket>} */
	#sockets = new Set();
	/** Number of questions so far. */
	questions = 0;
	/** The port of the primary that it names, `null` for none, or `undefined` when it gives no answer. @type {number | null | undefined} */
	primary = undefined;

	/**
	 * @param {number | null} [primary]
	 * @param {{ cert: string, key: string }} [certificate] for TLS
	 */
	constructor(primary, certificate) {
		const accept = (/** @type {Socket} */ socket) => this.#accept(socket);
		this.#server = certificate ? createTlsServer(certificate, accept) : createServer(accept);
		this.primary = primary;
	}

	/** Resolves when it accepts connections. */
	async start() {
		await once(this.#server.listen(0, '127.0.0.1'), 'listening');
		return this;
	}

	get host() {
		return `127.0.0.1:${/** @type {AddressInfo} */ (this.#server.address()).port}`;
	}

	end() {
		for (const socket of this.#sockets) socket.destroy();
		this.#server.close();
	}

	/** @param {Socket} socket */
	#accept(socket) {
		this.#sockets.add(socket);
		socket.on('error', () => {});
		socket.on('close', () => this.#sockets.delete(socket));
		// A client waits for the answer before it asks again, and a question fits into one packet.
		socket.on('data', (command) => {
			if (!/get-master-addr-by-name/i.test(command.toString())) {
				socket.write('-ERR unknown command\r\n');
				return;
			}
			this.questions++;
			const port = String(this.primary);
			if (this.primary === null) socket.write('*-1\r\n');
			else if (this.primary) socket.write(`*2\r\n$9\r\n127.0.0.1\r\n$${port.length}\r\n${port}\r\n`);
		});
	}
}
