// Streams as a transport creates them, streams of every kind, and fake controllers.

/**
 * Opens a stream, and returns its controller and a reader.
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
	return { controller, reader, ...messagesOf(reader) };
}

/** Opens a byte stream, and returns its controller and a reader. */
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
	return { controller, reader, ...messagesOf(reader) };
}

/** Opens a byte stream without a reader. @param {number} [highWaterMark] */
export function unreadByteStream(highWaterMark = 0) {
	/** @type {any} */
	let controller;
	/** @param {any} given */
	const start = (given) => {
		controller = given;
	};
	const stream = new ReadableStream({ type: 'bytes', start }, { highWaterMark });
	return { stream, controller };
}

/** Streams whose `desiredSize` counts chunks, bytes or something else. @type {Record<string, () => any>} */
export const STREAMS = {
	'counts chunks': () => openStream(),
	'counts chunks, with highWaterMark 0': () => openStream({}, { highWaterMark: 0 }),
	'counts chunks, with highWaterMark 16': () => openStream({}, { highWaterMark: 16 }),
	'counts bytes, with highWaterMark 0': () => openStream({}, new ByteLengthQueuingStrategy({ highWaterMark: 0 })),
	'counts bytes, with highWaterMark 64': () => openStream({}, new ByteLengthQueuingStrategy({ highWaterMark: 64 })),
	'counts bytes, with highWaterMark 16,384': () =>
		openStream({}, new ByteLengthQueuingStrategy({ highWaterMark: 16_384 })),
	'counts each chunk as three': () => openStream({}, { size: () => 3, highWaterMark: 4 }),
	'counts each byte as a tenth': () => openStream({}, { size: (chunk) => chunk.length / 10, highWaterMark: 1 }),
	'is a byte stream': () => openByteStream(),
};

/** Reads this number of messages. @param {any} stream @param {number} count */
export async function read(stream, count) {
	const messages = [];
	for (let n = 0; n < count; n++) messages.push(await stream.next());
	return messages;
}

/** @param {ReadableStreamDefaultReader<Uint8Array>} reader */
function messagesOf(reader) {
	return {
		/** Resolves to the next message, or to `undefined` at the end of the stream. */
		async next() {
			const { done, value } = await reader.read();
			return done ? undefined : text(value);
		},
		/** Resolves to all messages up to the end of the stream. */
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
 * Returns a controller that records its calls.
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

/**
 * Decodes a chunk. A byte order mark is kept.
 *
 * @param {Uint8Array} chunk
 */
export function text(chunk) {
	return new TextDecoder('utf-8', { ignoreBOM: true }).decode(chunk);
}

export const encode = (/** @type {string} */ message) => new TextEncoder().encode(message);
