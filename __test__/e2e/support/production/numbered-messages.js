// The messages of a long broadcast: numbered, each different, all of one length, so that who reads them knows what is missing.

/** Bytes of each. */
export const MESSAGE_BYTES = 16_384;

/** @param {number} number */
export function messageOf(number) {
	const head = `id: ${number}\ndata: `;
	return `${head}${String(number % 10).repeat(MESSAGE_BYTES - head.length - 2)}\n\n`;
}
