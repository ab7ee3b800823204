// The body in the bytes of a response (`lib/sockets/body.js`).

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { bodyOfChunks } from '../../lib/sockets/body.js';

const chunk = (/** @type {string} */ text) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
const read = (/** @type {string} */ bytes) => bodyOfChunks(Buffer.from(bytes))?.toString();

describe('the body of HTTP chunks', () => {
	test('is the text of all chunks', () => {
		fc.assert(
			fc.property(fc.array(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 })), (texts) => {
				assert.equal(read(texts.map(chunk).join('')), texts.join(''));
			}),
		);
	});

	test('may contain line breaks', () => {
		assert.equal(read(chunk('a\r\nb\r\n') + chunk('\r\n')), 'a\r\nb\r\n\r\n');
	});

	for (const [what, bytes] of Object.entries({
		'a chunk that is cut off': '5\r\nabc',
		'a length that is too small': '2\r\nabc\r\n',
		'a length that is too large': '4\r\nabc\r\n',
		'a length that is not a number': 'x\r\nabc\r\n',
		'a length with a sign': '-3\r\nabc\r\n',
		'a length of 9 digits': '000000003\r\nabc\r\n',
		'a chunk with an extension': '3;a=b\r\nabc\r\n',
		'a line that ends without CR': '3\nabc\r\n',
		'the end of the response': `${chunk('abc')}0\r\n\r\n`,
		'a line break between two chunks': `${chunk('abc')}\r\n${chunk('abc')}`,
		'bytes without framing': 'data: 1\n\n',
		'an empty line': '\r\n',
	})) {
		test(`is not read from ${what}`, () => {
			assert.equal(read(bytes), undefined);
		});
	}
});
