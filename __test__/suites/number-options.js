// The options of a manager that are numbers: as in Node.js, another type is a TypeError, and a number out of range is a
// RangeError. Both name the class, the option, the range and the value.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

const MAX_MS = 2 ** 31 - 1;

/** Values of another type, and how a message describes them. @type {[unknown, string][]} */
const OTHER_TYPES = [
	[null, 'null'],
	['5', 'the string "5"'],
	['', 'the string ""'],
	[true, 'the boolean true'],
	[{}, 'an object'],
	[[5], 'an array'],
	[2n, 'the bigint 2'],
	[Symbol('s'), 'the symbol Symbol(s)'],
	[() => 5, 'a function'],
];

/**
 * A number option.
 *
 * @typedef {object} NumberOption
 * @property {string} name
 * @property {number} [min] 1 if missing
 * @property {boolean} [orInfinity]
 * @property {boolean} [orFraction]
 * @property {object} [needs] other options that this one needs
 */

/** The number options of a stream manager, also in a scope and on Redis. @type {NumberOption[]} */
export const STREAM_NUMBERS = [
	{ name: 'keepAliveMs', min: 0 },
	{ name: 'deadAfterKeepAlives', min: 0, needs: { keepAliveMs: 1_000 } },
	{ name: 'maxQueuedBytes', orInfinity: true },
	{ name: 'sliceMs' },
	{ name: 'maxSessions', orInfinity: true },
	{ name: 'maxAgeMs' },
];

/** The number options of each manager on Redis. @type {NumberOption[]} */
export const BACKPLANE_NUMBERS = [
	'maxLen',
	'maxPendingBytes',
	'commandTimeoutMs',
	'heartbeatMs',
	'nodeTtlMs',
	'maxInboxBytes',
].map((name) => ({ name }));

/**
 * @param {string} className
 * @param {NumberOption[]} options
 * @param {(options: any) => unknown} make must throw, reject, or return a manager that the tests do not use
 */
export function testNumberOptions(className, options, make) {
	describe(`the number options of ${className}`, () => {
		for (const option of options) {
			const { name, needs } = option;
			const { expected, outOfRange } = rangeOf(option);
			/** @param {unknown} value */
			const attempt = async (value) => make({ ...needs, [name]: value });

			for (const [value, got] of OTHER_TYPES) {
				test(`${name} refuses ${got} with a TypeError`, () =>
					assert.rejects(attempt(value), {
						name: 'TypeError',
						code: 'ERR_INVALID_ARG_TYPE',
						message: `${className}: option "${name}" must be ${expected}; got ${got}`,
					}));
			}

			for (const value of outOfRange) {
				test(`${name} refuses ${value} with a RangeError`, () =>
					assert.rejects(
						attempt(value),
						/** @param {any} error */ (error) => {
							assert.ok(error instanceof RangeError);
							assert.deepEqual(
								{ ...error, name: error.name, message: error.message },
								{
									name: 'RangeError',
									code: 'ERR_OUT_OF_RANGE',
									message: `${className}: option "${name}" must be ${expected}; got the number ${value}`,
								},
							);
							return true;
						},
					));
			}
		}
	});
}

/**
 * Tests that the lowest and the highest value of each option are accepted.
 *
 * @param {string} className
 * @param {NumberOption[]} options
 * @param {(options: any) => unknown} make
 */
export function testNumbersInRange(className, options, make) {
	for (const option of options) {
		const { name, needs } = option;
		for (const value of [undefined, ...rangeOf(option).inRange]) {
			test(`${className} accepts ${value} for ${name}`, async () => {
				await make({ ...needs, [name]: value });
			});
		}
	}
}

/** @param {NumberOption} option */
function rangeOf({ name, min = 1, orInfinity = false, orFraction = false }) {
	const max = name.endsWith('Ms') ? MAX_MS : Number.MAX_SAFE_INTEGER;
	const infinity = orInfinity ? [Infinity] : [];
	const fraction = orFraction ? [1.5] : [];
	return {
		expected: `${orFraction ? 'a number' : 'an integer'} from ${min} to ${max}${orInfinity ? ', or Infinity' : ''}`,
		inRange: [min, max, ...infinity, ...fraction],
		outOfRange: [-1, 1.5, min - 1, min - 0.5, max + 1, NaN, Infinity, -Infinity].filter(
			(value, index, all) => !infinity.includes(value) && !fraction.includes(value) && all.indexOf(value) === index,
		),
	};
}
