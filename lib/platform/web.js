// Takes the place of `node.js` on hosts that have web APIs only: Cloudflare Workers, edge functions, browsers.

const encoder = new TextEncoder();

/** The part of Node's `Buffer` that the library uses. */
export class Buffer extends Uint8Array {
	/**
	 * Returns a view of memory.
	 *
	 * @param {any} memory an `ArrayBuffer`
	 * @returns {any}
	 * @override
	 */
	static from(memory) {
		return new Buffer(memory);
	}

	/** @param {number} size in bytes */
	static alloc(size) {
		return new Buffer(size);
	}

	/** @param {number} size in bytes */
	static allocUnsafeSlow(size) {
		return new Buffer(size);
	}

	/**
	 * Returns the length of a text in UTF-8.
	 *
	 * @param {string} text
	 */
	static byteLength(text) {
		return encoder.encode(text).length;
	}

	/**
	 * Writes a text as UTF-8, and returns the number of bytes written.
	 *
	 * @param {string} text
	 * @param {number} [start]
	 */
	write(text, start = 0) {
		// A plain view, because `subarray` would construct a Buffer.
		return encoder.encodeInto(text, new Uint8Array(this.buffer, this.byteOffset + start, this.length - start)).written;
	}
}

/** Returns a channel without subscribers: these hosts have no `node:diagnostics_channel`. */
export function channel() {
	return { hasSubscribers: false, publish() {} };
}

/** Timers that never keep a host alive: a Worker or a page ends when its host decides. */
export const timers = {
	setTimeout: (/** @type {() => void} */ task, /** @type {number} */ ms) => handle(setTimeout(task, ms)),
	setInterval: (/** @type {() => void} */ task, /** @type {number} */ ms) => handle(setInterval(task, ms)),
	setImmediate: (/** @type {() => void} */ task) => handle(setTimeout(task, 0)),
	clearTimeout: (/** @type {ReturnType<typeof handle>} */ { id }) => clearTimeout(id),
	clearInterval: (/** @type {ReturnType<typeof handle>} */ { id }) => clearInterval(id),
};

/** @param {any} id */
function handle(id) {
	return { id, unref() {} };
}

/** Does nothing: these hosts cannot mark a buffer. */
export function markAsUntransferable() {}

/** These hosts have no native code that could wake them. */
export const losesWakeUps = false;

/** The part of Node's `AsyncLocalStorage` that the library uses. These hosts have no contexts in common between requests. */
export const AsyncLocalStorage = {
	bind: (/** @type {(...args: any[]) => unknown} */ callback) => callback,
	snapshot: () => (/** @type {() => unknown} */ run) => run(),
};
