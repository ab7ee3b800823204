// A client of an event stream, that reads it when it is told to. Until then its connection stands still: Node stops reading
// the socket of a response that nobody reads.

import { EventEmitter, once } from 'node:events';
import { get } from 'node:http';
import { MESSAGE_BYTES, messageOf } from './numbered-messages.js';

export class StreamReader {
	/** The body so far, in ASCII, without the messages that were taken out of it. */
	rest = '';
	/** The numbers of the messages it has got whole (see numbered-messages.js), in order. @type {number[]} */
	numbers = [];
	/** How it came to an end: by the server's last chunk, or in the middle. @type {'ended' | 'cut' | undefined} */
	end;
	#changes = new EventEmitter();
	#response;

	/** @param {import('node:http').IncomingMessage} response */
	constructor(response) {
		this.#response = response;
		response.once('end', () => this.#hasEnded('ended'));
		response.once('error', () => this.#hasEnded('cut'));
	}

	/**
	 * Resolves when the server has answered, which it does with the session registered.
	 *
	 * @param {import('node:http').RequestOptions} where
	 */
	static async open(where) {
		// Each its own connection.
		const [response] = await once(get({ ...where, agent: false }), 'response');
		return new StreamReader(response);
	}

	/** Begins to read, and goes on. */
	read() {
		this.#response.setEncoding('latin1').on('data', (text) => {
			this.rest += text;
			this.#changes.emit('change');
		});
		return this;
	}

	/** Reads, and takes the messages out of it. */
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

	/** @param {() => boolean} condition asked again whenever something has come, or the end */
	async until(condition) {
		while (!condition()) {
			if (this.end !== undefined) throw new Error(`the stream was ${this.end} before that`);
			await once(this.#changes, 'change');
		}
	}

	/** Resolves when there is no more to come. */
	async untilEnd() {
		while (this.end === undefined) await once(this.#changes, 'change');
		return this.end;
	}

	leave() {
		this.#response.destroy();
	}

	/** @param {'ended' | 'cut'} how */
	#hasEnded(how) {
		this.end ??= how;
		this.#changes.emit('change');
	}
}
