// What the client of one stream has to receive.

import assert from 'node:assert/strict';

export class ExpectedStream {
	/** @type {Buffer[]} */
	#messages = [];
	/** Each with the number of messages that are sent before it. @type {{ bytes: Buffer, after: number, isFree: boolean }[]} */
	#comments = [];
	length = 0;

	/** @param {Uint8Array} bytes */
	message(bytes) {
		if (bytes.length === 0) return;
		this.#messages.push(Buffer.from(bytes));
		this.length += bytes.length;
	}

	/**
	 * Expects something that the adapter writes.
	 *
	 * @param {Buffer} bytes unlike any message
	 * @param {boolean} isFree true when it may overtake messages that were sent before
	 */
	comment(bytes, isFree) {
		this.#comments.push({ bytes, after: this.#messages.length, isFree });
		this.length += bytes.length;
	}

	/**
	 * Asserts that a body is what was expected.
	 *
	 * @param {Buffer} body
	 * @param {string} name of the stream
	 * @param {boolean} isWhole false when the client has left: a first part is enough
	 */
	verify(body, name, isWhole) {
		let at = 0;
		let messages = 0;
		let comments = 0;
		while (at < body.length || (isWhole && (messages < this.#messages.length || comments < this.#comments.length))) {
			const comment = this.#comments[comments];
			const message = this.#messages[messages];
			if (comment !== undefined && mayBeAt(comment, messages) && startsWith(body, at, comment.bytes, isWhole)) {
				comments++;
				at += comment.bytes.length;
			} else if (message !== undefined && startsWith(body, at, message, isWhole)) {
				messages++;
				at += message.length;
			} else {
				assert.fail(
					`${name}: after ${at} bytes (${messages} of ${this.#messages.length} messages, ${comments} of ` +
						`${this.#comments.length} comments) of ${body.length}: expected ${shown(message)}` +
						`${comment ? ` or ${shown(comment.bytes)}` : ''}, received ${shown(body.subarray(at))}`,
				);
			}
		}
	}
}

/**
 * @param {{ after: number, isFree: boolean }} comment
 * @param {number} messages number of messages before this place
 */
function mayBeAt({ after, isFree }, messages) {
	return isFree || messages === after;
}

/**
 * @param {Buffer} body
 * @param {number} at
 * @param {Buffer} part
 * @param {boolean} isWhole
 */
function startsWith(body, at, part, isWhole) {
	const found = body.subarray(at, at + part.length);
	if (found.length === part.length) return found.equals(part);
	return !isWhole && found.length > 0 && found.equals(part.subarray(0, found.length));
}

/** @param {Buffer | undefined} bytes */
function shown(bytes) {
	if (bytes === undefined) return 'the end';
	const text = JSON.stringify(bytes.toString('latin1', 0, 40));
	return bytes.length > 40 ? `${text}… (${bytes.length} bytes)` : text;
}
