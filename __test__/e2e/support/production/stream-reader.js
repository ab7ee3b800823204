// A client of an event stream that starts to read on `read()`. Until then its connection is stalled: Node does not read the socket
// of a response without a consumer.

import { EventEmitter, once } from 'node:events';
import { get } from 'node:http';
import { MESSAGE_BYTES, messageOf } from './numbered-messages.js';

export class StreamReader {
	/** The body so far, in ASCII, without the messages that `readMessages` has removed. */
	rest = '';
	/** Numbers of the complete messages received (see numbered-messages.js), in order. @type {number[]} */
	numbers = [];
	/** How the stream ended: `ended` with the server's last chunk, or `cut` before. @type {'ended' | 'aborted' | undefined} */
	end;
	#changes = new EventEmitter();
	#response;

	/** @param {import('node:http').IncomingMessage} response */
	constructor(response) {
		this.#response = response;
		response.once('end', () => this.#hasEnded('ended'));
		response.once('error', () => this.#hasEnded('aborted'));
	}

	/**
	 * Connects. Resolves when the server has sent the headers: the session is registered then.
	 *
	 * @param {import('node:http').RequestOptions} where
	 */
	static async open(where) {
		// A new connection for each reader.
		const [response] = await once(get({ ...where, agent: false }), 'response');
		return new StreamReader(response);
	}

	/** Starts to read. */
	read() {
		this.#response.setEncoding('latin1').on('data', (text) => {
			this.rest += text;
			this.#changes.emit('change');
		});
		return this;
	}

	/** Starts to read, and parses the messages. */
	readMessages() {
		this.#changes.on('change', () => {
			for (; this.rest.length >= MESSAGE_BYTES; this.rest = this.rest.slice(MESSAGE_BYTES)) {
				const message = this.rest.slice(0, MESSAGE_BYTES);
				const number = Number.parseInt(message.slice('id: '.length), 10);
				if (message !== messageOf(number)) throw new Error(`not a message: ${message.slice(0, 40)}`);
				this.numbers.push(number);
			}
		});
		return this.read();
	}

	/** @param {() => boolean} condition checked whenever a chunk or the end arrives */
	async until(condition) {
		while (!condition()) {
			if (this.end !== undefined) throw new Error(`the stream was ${this.end} too early`);
			await once(this.#changes, 'change');
		}
	}

	/** Resolves when the stream has ended. */
	async untilEnd() {
		while (this.end === undefined) await once(this.#changes, 'change');
		return this.end;
	}

	leave() {
		this.#response.destroy();
	}

	/** @param {'ended' | 'aborted'} how */
	#hasEnded(how) {
		this.end ??= how;
		this.#changes.emit('change');
	}
}
