// Random sequences of operations, run in two worlds whose logs have to be the same.
//
// RANDOM_OPERATIONS=1000000 does more of them; a failure prints the seed and the shortest sequence that shows it.

import assert from 'node:assert/strict';

import fc from 'fast-check';

const A_SEQUENCE = 200;

/** @typedef {{ do: string }} Operation */
/**
 * @typedef {object} World
 * @property {(operation: any) => Promise<void> | undefined} perform returns what is to be waited for before the next one
 * @property {() => Promise<unknown[]>} finish returns the log
 */

/**
 * How many operations a test does where RANDOM_OPERATIONS does not say.
 *
 * @param {number} otherwise
 */
export function operationsToDo(otherwise) {
	return Number(process.env.RANDOM_OPERATIONS ?? otherwise);
}

/**
 * @param {{ weight: number, arbitrary: fc.Arbitrary<Operation> }[]} operations
 * @returns {fc.Arbitrary<Operation[]>}
 */
export function sequences(...operations) {
	// First, so that a failing sequence shrinks to what matters, among operations that do nothing.
	const nothing = { weight: 1, arbitrary: fc.constant({ do: 'nothing' }) };
	const operation = fc.oneof({ withCrossShrink: true }, nothing, ...operations);
	return fc.array(operation, { minLength: A_SEQUENCE, maxLength: A_SEQUENCE, size: 'max' });
}

/**
 * @param {number} operations how many, in sequences of 200
 * @param {fc.Arbitrary<Operation[]>} arbitrary
 * @param {() => World} ours
 * @param {() => World} upstreams
 */
export async function assertSameLogs(operations, arbitrary, ours, upstreams) {
	await fc.assert(
		fc.asyncProperty(arbitrary, async (sequence) => {
			assert.deepEqual(await play(ours(), sequence), await play(upstreams(), sequence));
		}),
		{ numRuns: Math.ceil(operations / A_SEQUENCE), reporter: report },
	);
}

/**
 * @param {World} world
 * @param {Operation[]} sequence
 */
async function play(world, sequence) {
	for (const operation of sequence) {
		// Not even a microtask passes where the world does not say so.
		const wait = world.perform(operation);
		if (wait) await wait;
	}
	return world.finish();
}

/** @param {fc.RunDetails<[Operation[]]>} details */
function report(details) {
	if (!details.failed) return;
	const shortest = details.counterexample?.[0].filter((operation) => operation.do !== 'nothing');
	const error = /** @type {Error | undefined} */ (details.errorInstance);
	throw new Error(`seed ${details.seed}: ${fc.stringify(shortest)}\n${error?.message}`);
}
