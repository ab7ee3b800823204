// Bytes that arrive at some time, and are taken in pieces of any size.

export class ByteQueue {
	/** @type {Buffer[]} */
	#chunks = [];
	#length = 0;
	#hasEnded = false;
	/** @type {(() => void) | undefined} */
	#wake;

	/** Number of bytes that are still in the queue. */
	get length() {
		return this.#length;
	}

	/** @param {Buffer} chunk */
	push(chunk) {
		this.#chunks.push(chunk);
		this.#length += chunk.length;
		this.#wake?.();
	}

	/** No bytes arrive after this call. */
	end() {
		this.#hasEnded = true;
		this.#wake?.();
	}

	/** Resolves to the next bytes, at most `most` of them, or to `undefined` at the end. @param {number} [most] */
	async some(most = Number.POSITIVE_INFINITY) {
		while (this.#length === 0) {
			if (this.#hasEnded) return undefined;
			await this.#arrival();
		}
		const [first] = this.#chunks;
		const taken = first.subarray(0, Math.min(first.length, most));
		if (taken.length === first.length) this.#chunks.shift();
		else this.#chunks[0] = first.subarray(taken.length);
		this.#length -= taken.length;
		return taken;
	}

	/** Resolves to the next line without its CRLF, or to `undefined` if the bytes end before one. */
	async line() {
		for (let seen = -1; ; ) {
			if (this.#length > seen) {
				seen = this.#length;
				const all = this.#joined();
				const end = all.indexOf('\r\n');
				if (end >= 0) {
					this.#chunks = [all.subarray(end + 2)];
					this.#length = all.length - end - 2;
					return all.latin1Slice(0, end);
				}
			}
			if (this.#hasEnded) return undefined;
			await this.#arrival();
		}
	}

	#joined() {
		if (this.#chunks.length !== 1) this.#chunks = [Buffer.concat(this.#chunks)];
		return this.#chunks[0];
	}

	/** @returns {Promise<void>} */
	#arrival() {
		return new Promise((resolve) => {
			this.#wake = resolve;
		});
	}
}
