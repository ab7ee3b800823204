// A client over a raw TCP connection. It costs much less than a client of `node:http`, so that the clients do not hold up the
// server.

import { connect } from 'node:net';

/** One buffer for all clients, since each read is processed before the next one. */
const buffer = Buffer.allocUnsafeSlow(64 * 1024);

const CR_LF = 2;
const LINE_FEED = 10;
const END_OF_HEAD = '\r\n\r\n';

/** A response with chunked encoding, whose body never ends. */
export class EventStream {
	/** Bytes of the response's head that have arrived, until it is complete. @type {string | undefined} */
	#head = '';
	/** Bytes of the body that are left of this chunk. */
	#left = 0;
	/** Bytes of the line break behind this chunk that are left. */
	#lineBreak = 0;
	/** The length of the next chunk, as far as it was read. */
	#length = 0;
	#onBody;
	#onProblem;

	/**
	 * @param {number} port
	 * @param {string} id of the session
	 * @param {(buffer: Buffer, start: number, end: number) => void} onBody
	 * @param {(problem: string) => void} onProblem
	 */
	constructor(port, id, onBody, onProblem) {
		this.#onBody = onBody;
		this.#onProblem = onProblem;
		const onread = { buffer, callback: (/** @type {number} */ length) => this.#read(length) };
		const socket = connect({ port, host: '127.0.0.1', onread });
		socket.on('error', ({ message }) => onProblem(message));
		socket.on('close', () => onProblem('the connection was closed'));
		socket.write(
			`GET /events HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\nmcp-session-id: ${id}\r\n\r\n`,
		);
	}

	/** @param {number} length */
	#read(length) {
		let index = this.#head === undefined ? 0 : this.#readHead(length);
		while (index < length) {
			if (this.#left > 0) {
				const end = Math.min(index + this.#left, length);
				this.#onBody(buffer, index, end);
				this.#left -= end - index;
				index = end;
				if (this.#left === 0) this.#lineBreak = CR_LF;
			} else if (this.#lineBreak > 0) {
				this.#lineBreak--;
				index++;
			} else {
				this.#readLength(buffer[index++]);
			}
		}
		return true;
	}

	/**
	 * Returns the index behind the head.
	 *
	 * @param {number} length
	 */
	#readHead(length) {
		const before = /** @type {string} */ (this.#head);
		const head = before + buffer.toString('latin1', 0, length);
		const end = head.indexOf(END_OF_HEAD);
		if (end < 0) {
			this.#head = head;
			return length;
		}
		this.#head = undefined;
		if (!head.startsWith('HTTP/1.1 200 ') || !/^transfer-encoding: chunked\r?$/im.test(head.slice(0, end + 1))) {
			this.#onProblem(`another response: ${head}`);
		}
		return end + END_OF_HEAD.length - before.length;
	}

	/** @param {number} byte of the line with the length */
	#readLength(byte) {
		if (byte === LINE_FEED) {
			if (this.#length === 0) this.#onProblem('the response has ended');
			this.#left = this.#length;
			this.#length = 0;
			return;
		}
		const digit = Number.parseInt(String.fromCharCode(byte), 16);
		if (!Number.isNaN(digit)) this.#length = this.#length * 16 + digit;
	}
}
