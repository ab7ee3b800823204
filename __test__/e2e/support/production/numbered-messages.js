// The messages of a long broadcast. They are numbered and of one length, so that a reader knows which are missing.

/** Number of bytes of each message. */
export const MESSAGE_BYTES = 16_384;

/** @param {number} number */
export function messageOf(number) {
	const head = `id: ${number}\ndata: `;
	return `${head}${String(number % 10).repeat(MESSAGE_BYTES - head.length - 2)}\n\n`;
}
