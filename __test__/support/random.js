// Random sequences of operations, performed on two implementations. Both must write the same log.
//
// RANDOM_OPERATIONS=1000000 sets the number of operations. A failure prints the seed and the shortest sequence that fails.

import assert from 'node:assert/strict';

import fc from 'fast-check';

const SEQUENCE_LENGTH = 200;

/** @typedef {{ do: string }} Operation */
/**
 * A manager with all that it uses, and a log of everything that can be observed from outside.
 *
 * @typedef {object} Sandbox
 * @property {(operation: any) => Promise<void> | undefined} perform returns a promise if the next operation has to wait
 * @property {() => Promise<unknown[]>} finish returns the log
 */

/**
 * Returns the number of operations that a test performs: `RANDOM_OPERATIONS`, or the default of the test.
 *
 * @param {number} byDefault
 */
export function operationsToDo(byDefault) {
	return Number(process.env.RANDOM_OPERATIONS ?? byDefault);
}

/**
 * Returns an arbitrary of sequences of these operations.
 *
 * @param {{ weight: number, arbitrary: fc.Arbitrary<Operation> }[]} operations
 * @returns {fc.Arbitrary<Operation[]>}
 */
export function sequences(...operations) {
	// It comes first: a failing sequence shrinks by replacing the operations that do not matter with it.
	const nothing = { weight: 1, arbitrary: fc.constant({ do: 'nothing' }) };
	const operation = fc.oneof({ withCrossShrink: true }, nothing, ...operations);
	return fc.array(operation, { minLength: SEQUENCE_LENGTH, maxLength: SEQUENCE_LENGTH, size: 'max' });
}

/**
 * Asserts that both sandboxes write the same log for each sequence.
 *
 * @param {number} operations total number of operations, performed in sequences of 200
 * @param {fc.Arbitrary<Operation[]>} arbitrary
 * @param {() => Sandbox} ours
 * @param {() => Sandbox} upstreams
 */
export async function assertSameLogs(operations, arbitrary, ours, upstreams) {
	await fc.assert(
		fc.asyncProperty(arbitrary, async (sequence) => {
			assert.deepEqual(await logOf(ours(), sequence), await logOf(upstreams(), sequence));
		}),
		{ numRuns: Math.ceil(operations / SEQUENCE_LENGTH), reporter: report },
	);
}

/**
 * @param {Sandbox} sandbox
 * @param {Operation[]} sequence
 */
async function logOf(sandbox, sequence) {
	for (const operation of sequence) {
		// An unconditional `await` would let a microtask pass between any two operations.
		const wait = sandbox.perform(operation);
		if (wait) await wait;
	}
	return sandbox.finish();
}

/** @param {fc.RunDetails<[Operation[]]>} details */
function report(details) {
	if (!details.failed) return;
	const shortest = details.counterexample?.[0].filter((operation) => operation.do !== 'nothing');
	const error = /** @type {Error | undefined} */ (details.errorInstance);
	throw new Error(`seed ${details.seed}: ${fc.stringify(shortest)}\n${error?.message}`);
}
