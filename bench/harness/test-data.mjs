// Session ids and message texts like those of a server.

import { randomUUID } from 'node:crypto';

/**
 * @param {number} count
 * @returns {string[]}
 */
export function makeIds(count) {
	return Array.from({ length: count }, () => copy(randomUUID()));
}

/**
 * Returns an equal string that is another object in memory, flat and without a computed hash, like the value of a request
 * header.
 *
 * @param {string} text
 */
export function copy(text) {
	return Buffer.from(text).toString();
}

/**
 * @typedef {object} Text
 * @property {string} name its size
 * @property {string} value
 * @property {Buffer} bytes
 */

/** @type {Text[]} */
export const asciiTexts = [
	makeText('100 B', 100, 'The quick brown fox jumps over the lazy dog. '),
	makeText('4 KB', 4 * 1024, 'The quick brown fox jumps over the lazy dog. '),
	makeText('64 KB', 64 * 1024, 'The quick brown fox jumps over the lazy dog. '),
];

export const cjkText = makeText('4 KB CJK', 4 * 1024, '会話の通知 from サーバー: 消息已送达, 메시지 도착. ');

/**
 * Makes a server-sent event of exactly `size` bytes: a JSON-RPC notification whose text repeats `filler`.
 *
 * @param {string} name
 * @param {number} size in bytes
 * @param {string} filler
 * @returns {Text}
 */
function makeText(name, size, filler) {
	const [head, tail] = [
		'event: message\ndata: {"jsonrpc":"2.0","method":"notifications/message","params":{"data":"',
		'"}}\n\n',
	];
	const room = size - Buffer.byteLength(head + tail);
	const whole = filler.repeat(Math.ceil(room / Buffer.byteLength(filler)));
	let body = '';
	let used = 0;
	for (const character of whole) {
		used += Buffer.byteLength(character);
		if (used > room) break;
		body += character;
	}
	// Fills the bytes that are left when the next character has more bytes than fit.
	const padding = '.'.repeat(room - Buffer.byteLength(body));
	const bytes = Buffer.from(head + body + padding + tail);
	return { name, value: bytes.toString(), bytes };
}

/**
 * Returns "1 session", "1,000 sessions".
 *
 * @param {number} count
 */
export function sessionCount(count) {
	return `${count.toLocaleString('en')} ${count === 1 ? 'session' : 'sessions'}`;
}
