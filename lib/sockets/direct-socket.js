// The socket of a direct session. Rust writes the session's messages on a duplicate of its file descriptor; Node.js writes
// everything else: the end of the response, and what the adapter writes to the response itself.
//
// Only one of them writes at a time. Before Node.js writes, Rust sends what was sent to the session before, and then holds
// later messages until Node.js has nothing left to write.
//
// A session that is catching up begins with such a pause: messages that were sent before it became direct come through its
// stream.

import { captureContext } from '../util/async-context.js';
import { bodyOfChunks, bytesOf } from './body.js';
import { waitBriefly } from './brief-waits.js';
import { EarlierMessages } from './earlier-messages.js';
import { callAndReport, fdError } from './errors.js';
import { Hooks } from './hooks.js';
import { hasEnded, isChunked, isQuiet } from './internals.js';

/** @import { ServerResponse } from 'node:http' */
/** @import { Candidate } from './candidate.js' */
/** @import { NativeSockets } from '../native/binding.js' */

/** Who writes on the socket. */
const MODE = /** @type {const} */ ({
	/** Rust. */
	RUST: 0,
	/** Rust, until everything sent before is with the operating system. Then Node.js. */
	PAUSING: 1,
	/** Node.js. Rust holds the messages. */
	NODE: 2,
	/** Node.js, for good. */
	ENDED: 3,
});

/** Maximum number of bytes that are checked for whole chunks. After more, Rust writes when Node.js has nothing left. */
const MAX_CHECKED_BYTES = 64 * 1024;

/**
 * A call of `response.end()`.
 *
 * @typedef {{ end: (...args: any[]) => unknown, args: any[] }} LateEnd
 */

/**
 * What a direct socket reports about its session.
 *
 * @typedef {object} SessionEvents
 * @property {() => void} ended The response has ended, or its connection is closed. Called once, in a later turn.
 */

export class DirectSocket {
	/** @type {typeof MODE[keyof typeof MODE]} */
	#mode = MODE.RUST;
	/** True from the call of `end` on that is not put off. */
	#isEnding = false;
	/** Number of events `paused` that follow for pauses that are known already. */
	#knownPauses = 0;
	/** What Node.js does as soon as Rust has paused. @type {(() => void)[]} */
	#held = [];
	/** The messages that come through the stream, while the session is catching up. @type {EarlierMessages | undefined} */
	#earlier;
	/** Closes the stream after these messages. @type {(() => void) | undefined} */
	#closeLater;
	/** Enqueues a chunk in the stream. @type {(chunk: unknown) => void} */
	#enqueueInStream = () => {};
	/** The call of `end` that was put off, until Node.js and Rust have written what comes before. @type {LateEnd | undefined} */
	#lateEnd;
	/** Completes the write that is held. @type {((error: Error) => void) | undefined} */
	#failHeldWrite;
	/** Bytes that Rust had sent when the timeout of the socket was last due. */
	#sentAtTimeout = 0;
	#hooks = new Hooks();
	#native;
	#key;
	#response;
	#socket;
	#controller;
	#highWaterMark;
	#events;

	/**
	 * @param {NativeSockets} native
	 * @param {number} key of the session, which is attached in Rust
	 * @param {Pick<Candidate, 'controller' | 'highWaterMark' | 'response' | 'socket'>} candidate stopped; nothing is on its way
	 * @param {SessionEvents} events
	 * @param {boolean} isCatchingUp true when messages come through the stream until `caughtUp`. Rust has begun a pause.
	 */
	constructor(native, key, { controller, highWaterMark, response, socket }, events, isCatchingUp) {
		this.#native = native;
		this.#key = key;
		this.#controller = controller;
		this.#highWaterMark = highWaterMark;
		this.#response = response;
		this.#socket = socket;
		this.#events = events;
		if (isCatchingUp) {
			this.#earlier = new EarlierMessages();
			this.#mode = MODE.PAUSING;
			this.#held.push(() => this.#continueLater());
		}
		this.#addHooks();
		// A response that ends without a last write, such as one of HTTP/1.0.
		response.once('close', () => this.#whenPaused(() => this.#end()));
	}

	#addHooks() {
		const hooks = this.#hooks;
		const socket = this.#socket;
		hooks.add(this.#controller, 'enqueue', (original) => {
			this.#enqueueInStream = original;
			return (chunk) => this.#enqueue(chunk);
		});
		// Messages that are sent after one of these calls would have been refused by the stream.
		hooks.add(this.#controller, 'close', (original) => () => {
			if (this.#mode !== MODE.ENDED) this.#native.mute(this.#key);
			if (this.#earlier?.isComplete !== false) return original();
			this.#closeLater = original;
		});
		hooks.add(this.#controller, 'error', (original) => (...args) => {
			if (this.#mode !== MODE.ENDED) this.#native.mute(this.#key);
			original(...args);
			this.missed();
		});
		for (const name of ['write', 'uncork']) {
			hooks.add(this.#response, name, (original) => (...args) => {
				// Node.js gives the bytes to the socket at the end of the turn. A message that is sent in the meantime comes after.
				if (this.#mode !== MODE.ENDED) this.#whenPaused(() => this.#continueLater());
				return original(...args);
			});
		}
		hooks.add(this.#response, 'end', (original) => (...args) => {
			if (this.#mode === MODE.ENDED || this.#response.finished) return original(...args);
			if (!this.#takeOverForEnd() && this.#canEndLater(args)) {
				this.#endLater(original, args);
				return this.#response;
			}
			return this.#endAtOnce(original, args);
		});
		hooks.add(socket, '_writeGeneric', (original) => (writev, data, encoding, callback) => {
			if (this.#mode === MODE.ENDED) return original(writev, data, encoding, callback);
			this.#earlier?.arrived(writev, data);
			this.#whenPaused(() => {
				this.#failHeldWrite = undefined;
				const isWhole = this.#isWhole(bytesOf(writev, data, encoding));
				original(writev, data, encoding, (/** @type {unknown[]} */ ...args) => {
					// The messages that Rust holds come before what Node.js writes next.
					if (isWhole) this.#handBack();
					// Later, because Node.js drops what is written while it empties its buffer.
					process.nextTick(() => this.#continue());
					callback(...args);
				});
			});
			if (this.#mode === MODE.PAUSING) this.#failHeldWrite = callback;
		});
		hooks.add(socket, '_final', (original) => (callback) => {
			if (this.#mode === MODE.ENDED) return original(callback);
			this.#whenDrained(() => {
				this.#end();
				original(callback);
			});
		});
		hooks.add(socket, 'destroy', (original) => (...args) => {
			// Without native delivery, the end of the response would be with the operating system by now.
			if (this.#lateEnd !== undefined && this.#takeOverForEnd(true)) this.#endNow();
			return original(...args);
		});
		hooks.add(socket, '_destroy', (original) => (error, callback) => {
			// The same for other writes.
			if (this.#held.length > 0) this.#takeOver(true);
			const failHeldWrite = this.#failHeldWrite;
			this.#end();
			original(error, callback);
			failHeldWrite?.(fdError('ECANCELED'));
		});
		hooks.add(socket, '_onTimeout', (original) => () => {
			if (this.#mode === MODE.ENDED) return original();
			const sent = this.#native.sent(this.#key);
			if (sent === this.#sentAtTimeout) return original();
			// A stream on which Rust has sent something is not idle.
			this.#sentAtTimeout = sent;
			this.#startTimeout();
		});
		this.#startTimeout();
	}

	/** Starts the timeout of the socket again. A timeout that has begun before calls the original `_onTimeout`. */
	#startTimeout() {
		const { timeout } = this.#socket;
		if (timeout) this.#socket.setTimeout(timeout);
	}

	/**
	 * Takes a chunk that other code enqueues in the stream, which keeps its place among the messages.
	 *
	 * @param {unknown} chunk
	 */
	#enqueue(chunk) {
		// While earlier messages are in the stream, its size does not show if it is open.
		const isOpen = this.#earlier !== undefined || this.#controller.desiredSize === this.#highWaterMark;
		if (this.#mode === MODE.ENDED || !isOpen) return this.#enqueueInStream(chunk);
		if (chunk instanceof Uint8Array) {
			if (chunk.length > 0) this.#native.write(this.#key, chunk);
			return;
		}
		// The adapter knows what to do with other values. What it writes must come before the next message.
		this.#whenPaused(() => this.#continueLater());
		return this.#enqueueInStream(chunk);
	}

	/**
	 * Enqueues a message that was sent before those that Rust holds.
	 *
	 * @param {Uint8Array<ArrayBuffer>} chunk
	 */
	deliverEarlier(chunk) {
		// Rust sends no empty message either, and an adapter need not write one.
		if (chunk.length === 0) return;
		this.#enqueueInStream(chunk);
		this.#earlier?.add(chunk);
	}

	/** Called after the last call of `deliverEarlier`. Rust writes again when Node.js has written these messages. */
	caughtUp() {
		if (this.#earlier === undefined) return;
		this.#earlier.isComplete = true;
		this.#closeNow();
		this.#continueLater();
	}

	/** Called instead of `caughtUp` when such a message is lost. A stream must not continue after a gap. */
	missed() {
		if (this.#earlier === undefined) return;
		this.#native.discard(this.#key);
		this.#endCatchingUp();
		this.#continueLater();
	}

	#endCatchingUp() {
		this.#earlier = undefined;
		this.#closeNow();
	}

	/** Closes the stream, if that had to wait for earlier messages. */
	#closeNow() {
		const close = this.#closeLater;
		this.#closeLater = undefined;
		try {
			close?.();
		} catch {
			// The stream has ended in the meantime.
		}
	}

	/**
	 * Calls the function when Node.js may write: at once if it does already.
	 *
	 * @param {() => void} write
	 */
	#whenPaused(write) {
		if (this.#mode === MODE.NODE || this.#mode === MODE.ENDED) return write();
		// Callbacks of the user keep their context.
		const inContext = captureContext();
		this.#held.push(() => inContext(write));
		if (this.#mode === MODE.RUST) this.#pause();
	}

	#pause() {
		this.#mode = MODE.PAUSING;
		this.#native.pause(this.#key);
	}

	/**
	 * Calls the function when Rust has sent everything, and what it held meanwhile, too. Node.js must have nothing left to write.
	 *
	 * @param {() => void} end
	 */
	#whenDrained(end) {
		if (this.#mode === MODE.RUST) return this.#whenPaused(end);
		this.#whenPaused(() => {
			if (this.#mode === MODE.NODE && !this.#isEnding) {
				if (this.#earlier?.haveArrived === false) this.missed();
				this.#native.resume(this.#key);
				this.#pause();
			}
			this.#whenPaused(end);
		});
	}

	/** Called when Rust has paused. */
	paused() {
		if (this.#knownPauses > 0) this.#knownPauses--;
		else if (this.#mode === MODE.PAUSING) this.#write();
	}

	/** Does what Node.js had to wait for. */
	#write() {
		this.#mode = MODE.NODE;
		for (const write of this.#held.splice(0)) callAndReport(write);
		if (this.#lateEnd !== undefined) this.#continueLater();
	}

	/**
	 * Makes Node.js write at once, and not in a later turn. Returns false when the client has not taken what Rust has to send
	 * before, or when Rust is busy.
	 *
	 * @param {boolean} isLast true when the connection is closed afterwards
	 */
	#takeOver(isLast = false) {
		if (this.#mode === MODE.RUST) this.#pause();
		if (this.#mode === MODE.PAUSING && waitBriefly(() => this.#native.waitUntilPaused(this.#key), isLast)) {
			this.#knownPauses++;
			this.#write();
		}
		return this.#mode === MODE.NODE;
	}

	/**
	 * Makes Node.js write the end of the response at once, after the messages that Rust holds. Returns false when that is not
	 * possible. Other code may close the connection right after the end, and would cut off what is written later.
	 *
	 * @param {boolean} isLast as in `#takeOver`
	 */
	#takeOverForEnd(isLast = false) {
		const isFresh = this.#mode === MODE.RUST;
		if (!this.#takeOver(isLast) || isFresh) return this.#mode === MODE.NODE;
		this.#uncork();
		if (!isQuiet(this.#response, this.#socket)) return false;
		// An adapter that ends the response writes nothing more of the stream, which may be closed.
		this.#handBack(true);
		return this.#mode === MODE.RUST && this.#takeOver(isLast);
	}

	/** True when the adapter has taken everything that was enqueued in the stream. */
	get #isStreamEmpty() {
		return this.#lateEnd !== undefined || this.#controller.desiredSize === this.#highWaterMark;
	}

	#continueLater() {
		setImmediate(() => this.#continue());
	}

	/** Goes on when Node.js may have nothing left to write. */
	#continue() {
		if (this.#mode === MODE.PAUSING || this.#mode === MODE.ENDED) return;
		if (this.#isEnding || (this.#lateEnd === undefined && hasEnded(this.#response, this.#socket))) {
			if (isWritten(this.#response)) this.#whenPaused(() => this.#end());
		} else if (isQuiet(this.#response, this.#socket)) {
			// The adapter ends the response, so it writes none of the earlier messages that are left.
			if (this.#lateEnd !== undefined && this.#earlier?.haveArrived === false) this.missed();
			this.#handBack();
			if (this.#mode === MODE.RUST) this.#endNow();
		}
	}

	/**
	 * Returns true when a call of `end` can be put off: no earlier call was, and Node.js would accept the arguments.
	 *
	 * @param {unknown[]} args
	 */
	#canEndLater([chunk]) {
		if (this.#lateEnd !== undefined || this.#response.finished) return false;
		return chunk == null || ['string', 'function'].includes(typeof chunk) || chunk instanceof Uint8Array;
	}

	/**
	 * Puts a call of `end` off. For other code, the response has ended: Node.js refuses to write, and another `end` waits for
	 * this one.
	 *
	 * @param {(...args: any[]) => unknown} end
	 * @param {any[]} args
	 */
	#endLater(end, args) {
		this.#lateEnd = { end, args };
		this.#uncork();
		this.#response.finished = true;
		this.#continueLater();
	}

	/** Gives the socket what the response has. `end` does the same. */
	#uncork() {
		while (this.#response.writableCorked > 0) this.#response.uncork();
		while (this.#socket.writableCorked > 0) this.#socket.uncork();
	}

	/** Makes the call of `end` that was put off, if there is one. */
	#endNow() {
		if (this.#lateEnd === undefined) return;
		const { end, args } = this.#lateEnd;
		this.#lateEnd = undefined;
		this.#response.finished = false;
		this.#endAtOnce(end, args);
	}

	/**
	 * Makes a call of `end`. Rust writes nothing behind what Node.js writes now.
	 *
	 * @param {(...args: any[]) => unknown} end
	 * @param {any[]} args
	 */
	#endAtOnce(end, args) {
		this.#whenPaused(() => this.#continueLater());
		this.#isEnding = true;
		try {
			return end(...args);
		} finally {
			// Node.js has refused the arguments.
			this.#isEnding = this.#response.finished;
		}
	}

	/**
	 * Lets Rust write again, unless the adapter still has to write what was enqueued in the stream, or earlier messages.
	 *
	 * @param {boolean} [isEnd] true when the adapter ends the response
	 */
	#handBack(isEnd = false) {
		if (this.#mode !== MODE.NODE || this.#isEnding || !(isEnd || this.#isStreamEmpty)) return;
		if (this.#earlier?.haveArrived === false) return;
		this.#endCatchingUp();
		this.#mode = MODE.RUST;
		this.#native.resume(this.#key);
	}

	/**
	 * Returns true when what Node.js writes ends where a message may follow. The end of the response does not.
	 *
	 * @param {Buffer[]} parts
	 */
	#isWhole(parts) {
		const length = parts.reduce((sum, part) => sum + part.length, 0);
		if (length === 0 || length > MAX_CHECKED_BYTES) return false;
		return !isChunked(this.#response) || bodyOfChunks(Buffer.concat(parts)) !== undefined;
	}

	/**
	 * Called when a write of Rust has failed: the client has closed the connection.
	 *
	 * @param {string} code
	 */
	failed(code) {
		if (this.#mode !== MODE.ENDED) this.#socket.destroy(fdError(code));
	}

	/** Makes Rust close its duplicate of the file descriptor, after what the operating system takes at once. */
	#end() {
		if (this.#mode === MODE.ENDED) return;
		this.#mode = MODE.ENDED;
		this.#hooks.remove();
		this.#held = [];
		this.#failHeldWrite = undefined;
		this.#native.close(this.#key);
		this.#endCatchingUp();
		const callback = this.#lateEnd?.args.findLast((argument) => typeof argument === 'function');
		this.#lateEnd = undefined;
		if (callback !== undefined) process.nextTick(callback, fdError('ECANCELED'));
		// A timeout that began in the meantime is bound to a hook, and would keep the session in memory.
		setImmediate(() => {
			if (!this.#socket.destroyed) this.#startTimeout();
		});
		// When the client has left, the adapter may cancel the stream, and then the transport deletes the session itself.
		const ended = () => setImmediate(() => this.#events.ended());
		if (this.#response.closed) ended();
		else this.#response.once('close', ended);
	}

	/**
	 * Makes Rust close its duplicate of the file descriptor at the end of the process. Returns a function that does what Node.js
	 * had to wait for, for the time after that.
	 */
	letGo() {
		const writes = this.#held.splice(0);
		if (this.#lateEnd !== undefined) writes.push(() => this.#endNow());
		this.#hooks.remove();
		this.#mode = MODE.ENDED;
		this.#native.close(this.#key);
		return () => {
			for (const write of writes) callAndReport(write);
		};
	}

	/** Closes the connection because of a client that does not read. What it has not read is dropped. */
	abort() {
		if (this.#mode === MODE.ENDED) return;
		this.#native.discard(this.#key);
		// After the adapter, which may end the response in its own way.
		setImmediate(() => {
			if (this.#mode !== MODE.ENDED) this.#socket.destroy();
		});
	}

	/** Bytes that the operating system has not taken yet. */
	get queuedBytes() {
		return this.#mode === MODE.ENDED ? 0 : this.#native.queued(this.#key);
	}

	/** True when the operating system has taken everything that was sent to the session. */
	get isDrained() {
		if (this.#mode === MODE.ENDED) return true;
		return this.#earlier === undefined && this.queuedBytes === 0 && isQuiet(this.#response, this.#socket);
	}
}

/**
 * Returns true when Node.js has given the whole response to the operating system.
 *
 * @param {ServerResponse} response
 */
function isWritten(response) {
	return response.writableFinished || response.writableLength === 0;
}
