// The check of the chaos run: it counts what a stream misses, and what it receives twice.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Numbers } from './support/numbers.js';

/**
 * @param {boolean} isComplete
 * @param {[sender: string, number: number][]} messages
 */
function counts(isComplete, ...messages) {
	const numbers = new Numbers({ isComplete });
	for (const [sender, number] of messages) numbers.take(sender, number);
	return numbers.report();
}

test('messages in the order of each sender count as received', () => {
	const last = { a: 2, b: 1 };
	assert.deepEqual(counts(true, ['a', 1], ['b', 1], ['a', 2]), { received: 3, missing: 0, twice: 0, last });
});

test('each skipped message counts as missing, also before the first one of a stream that was open from the start', () => {
	assert.deepEqual(counts(true, ['a', 3], ['a', 5]), { received: 2, missing: 3, twice: 0, last: { a: 5 } });
	assert.deepEqual(counts(false, ['a', 3], ['a', 5]), { received: 2, missing: 1, twice: 0, last: { a: 5 } });
});

test('a message that arrives again, or after a later one, counts as twice', () => {
	assert.deepEqual(counts(true, ['a', 1], ['a', 1]), { received: 2, missing: 0, twice: 1, last: { a: 1 } });
	assert.deepEqual(counts(true, ['a', 2], ['a', 1]), { received: 2, missing: 1, twice: 1, last: { a: 2 } });
});
