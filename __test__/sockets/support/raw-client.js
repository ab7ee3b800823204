// A client that writes its requests byte by byte, and sees every byte that a server sends, and when.

import { once } from 'node:events';
import { connect } from 'node:net';
import * as tls from 'node:tls';

import { ByteQueue } from './byte-queue.js';
import { RawResponse } from './raw-response.js';

/**
 * @typedef {object} RawClientOptions
 * @property {number} [pieceBytes] the largest number of bytes that it reads at once
 * @property {boolean} [allowHalfOpen] keeps its side open when the server closes the other one
 * @property {tls.ConnectionOptions} [tls]
 */
/**
 * @typedef {object} RawRequest
 * @property {string} [method]
 * @property {'1.0' | '1.1'} [version]
 * @property {Record<string, string>} [headers]
 * @property {string} [body]
 * @property {boolean} [keep] keeps the body of the response in memory
 */

export class RawClient {
	/** The times at which bytes have arrived, in milliseconds. @type {{ at: number, bytes: number }[]} */
	arrivals = [];
	/** Number of bytes received. */
	received = 0;
	/** Resolves when the server has closed the connection: `fin` in order, or the code of an error. @type {Promise<string>} */
	closed;
	#bytes = new ByteQueue();
	/** @type {import('node:net').Socket} */
	#socket;
	/** Responses are read one after the other. @type {Promise<unknown>} */
	#last = Promise.resolve();

	/**
	 * Opens a connection.
	 *
	 * @param {number} port
	 * @param {RawClientOptions} [options]
	 */
	static async connect(port, options) {
		const client = new RawClient(port, options);
		await once(client.#socket, options?.tls ? 'secureConnect' : 'connect');
		return client;
	}

	/**
	 * @param {number} port
	 * @param {RawClientOptions} [options]
	 */
	constructor(port, { pieceBytes = 65_536, allowHalfOpen = false, tls: secure } = {}) {
		// With a buffer of its own, a paused socket leaves the bytes in the kernel.
		const onread = { buffer: Buffer.alloc(pieceBytes), callback: this.#received.bind(this) };
		const plain = { port, host: '127.0.0.1', allowHalfOpen };
		if (secure) {
			this.#socket = tls.connect({ ...plain, rejectUnauthorized: false, ...secure });
			this.#socket.on('data', (chunk) => this.#received(chunk.length, chunk));
		} else {
			this.#socket = connect({ ...plain, onread });
		}
		this.closed = new Promise((resolve) => {
			this.#socket.on('error', (error) => resolve(/** @type {any} */ (error).code));
			this.#socket.on('end', () => resolve('fin'));
			this.#socket.on('close', () => resolve('left'));
		});
		this.closed.then(() => this.#bytes.end());
	}

	/**
	 * @param {number} count
	 * @param {Uint8Array} buffer
	 */
	#received(count, buffer) {
		this.arrivals.push({ at: performance.now(), bytes: count });
		this.received += count;
		this.#bytes.push(Buffer.from(buffer.subarray(0, count)));
		return true;
	}

	/** Number of bytes received that belong to no response so far. */
	get unread() {
		return this.#bytes.length;
	}

	/** Sends bytes as they are. @param {string | Uint8Array} bytes */
	write(bytes) {
		this.#socket.write(bytes);
	}

	/**
	 * Sends a request. Its response follows the responses of all requests before.
	 *
	 * @param {string} path
	 * @param {RawRequest} [request]
	 */
	request(path, { method = 'GET', version = '1.1', headers = {}, body = '', keep = true } = {}) {
		const length = body === '' ? {} : { 'content-length': String(Buffer.byteLength(body)) };
		const lines = Object.entries({ host: 'localhost', ...length, ...headers }).map(
			([name, value]) => `${name}: ${value}`,
		);
		this.write([`${method} ${path} HTTP/${version}`, ...lines, '', body].join('\r\n'));
		return this.response({ method, keep });
	}

	/** Reads the next response. @param {{ method?: string, keep?: boolean }} [options] */
	response(options) {
		const response = new RawResponse(
			this.#last.then(() => this.#bytes),
			options,
		);
		this.#last = response.ended.catch(() => {});
		return response;
	}

	/** Reads nothing until `resume`: the bytes stay in the kernel, and then on the server. */
	pause() {
		this.#socket.pause();
	}

	resume() {
		this.#socket.resume();
	}

	/** Sends FIN, and goes on to read. */
	end() {
		this.#socket.end();
	}

	/** Closes the connection. */
	leave() {
		this.#socket.destroy();
	}

	/** Closes the connection with RST. */
	reset() {
		this.#socket.resetAndDestroy();
	}
}
