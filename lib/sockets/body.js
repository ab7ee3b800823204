// Reads the bytes of an HTTP response, and its body out of them.

const CR = 0x0d;
const LF = 0x0a;
/** Maximum number of digits in the length of an HTTP chunk. Node.js writes no more for a chunk of up to 4 GiB. */
const MAX_LENGTH_DIGITS = 8;

/**
 * Returns the body in a sequence of whole HTTP chunks (RFC 9112, section 7.1).
 *
 * @param {Buffer} bytes
 * @returns {Buffer | undefined} `undefined` when the bytes are anything else, also for chunks with extensions
 */
export function bodyOfChunks(bytes) {
	const parts = [];
	for (let at = 0; at < bytes.length; ) {
		const lineEnd = bytes.indexOf(LF, at);
		if (lineEnd < at + 2 || lineEnd - 1 - at > MAX_LENGTH_DIGITS || bytes[lineEnd - 1] !== CR) return undefined;
		const digits = bytes.toString('latin1', at, lineEnd - 1);
		const length = /^[0-9a-f]+$/i.test(digits) ? Number.parseInt(digits, 16) : 0;
		const start = lineEnd + 1;
		const end = start + length;
		// A chunk without a length ends the response.
		if (length === 0 || bytes[end] !== CR || bytes[end + 1] !== LF) return undefined;
		parts.push(bytes.subarray(start, end));
		at = end + 2;
	}
	return Buffer.concat(parts);
}

/**
 * Returns what a socket is given by a call of `_writeGeneric`.
 *
 * @param {boolean} writev true for a list of `{ chunk, encoding }`
 * @param {any} data
 * @param {BufferEncoding} encoding of a text that is not in a list
 * @returns {Buffer[]}
 */
export function bytesOf(writev, data, encoding) {
	const parts = writev ? data : [{ chunk: data, encoding }];
	return parts.map((/** @type {{ chunk: string | Buffer, encoding: BufferEncoding }} */ part) =>
		typeof part.chunk === 'string' ? Buffer.from(part.chunk, part.encoding) : part.chunk,
	);
}
