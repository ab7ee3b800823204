// Streams as a transport makes them, and doubles of their controllers.

/**
 * A stream whose controller is at hand, and a reader of it.
 *
 * @param {UnderlyingDefaultSource} [source]
 * @param {QueuingStrategy} [strategy]
 */
export function openStream(source = {}, strategy) {
	/** @type {ReadableStreamDefaultController} */
	let controller;
	const stream = new ReadableStream(
		{
			...source,
			start(given) {
				controller = given;
			},
		},
		strategy,
	);
	const reader = stream.getReader();
	// @ts-expect-error `start` has run
	return { controller, reader, ...consumer(reader) };
}

/** A byte stream whose controller is at hand, and a reader of it. */
export function openByteStream() {
	/** @type {any} */
	let controller;
	const stream = new ReadableStream({
		type: 'bytes',
		start(given) {
			controller = given;
		},
	});
	const reader = stream.getReader();
	return { controller, reader, ...consumer(reader) };
}

/** @param {ReadableStreamDefaultReader<Uint8Array>} reader */
function consumer(reader) {
	return {
		/** The next message, or `undefined` at the end. */
		async next() {
			const { done, value } = await reader.read();
			return done ? undefined : text(value);
		},
		/** All messages to the end of the stream. */
		async rest() {
			const messages = [];
			for (;;) {
				const { done, value } = await reader.read();
				if (done) return messages;
				messages.push(text(value));
			}
		},
	};
}

/**
 * A controller that only remembers.
 *
 * @param {{ onEnqueue?: (message: string) => void }} [options]
 */
export function fakeController({ onEnqueue } = {}) {
	return {
		/** @type {Uint8Array[]} */
		chunks: [],
		/** @type {string[]} */
		messages: [],
		closed: 0,
		/** @param {Uint8Array} chunk */
		enqueue(chunk) {
			const message = text(chunk);
			this.chunks.push(chunk);
			this.messages.push(message);
			onEnqueue?.(message);
		},
		close() {
			this.closed++;
		},
	};
}

/** @param {Uint8Array} chunk */
export function text(chunk) {
	return new TextDecoder('utf-8', { ignoreBOM: true }).decode(chunk);
}
