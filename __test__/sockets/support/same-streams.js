// Performs random operations on two hosts, and compares what their clients have received.
//
// RANDOM_OPERATIONS=100000 makes it longer, SOCKETS_SEED=1 repeats a failure. Sequences do not shrink: a stream from which
// bytes are missing fails only at a deadline.

import assert from 'node:assert/strict';
import fc from 'fast-check';
import { operationsToDo } from '../../support/random.js';

/** @import { SocketSandbox } from './socket-sandbox.js' */

const SEQUENCE_LENGTH = 200;
/** An operation with clients takes about this many times as long as one on a fake controller. */
const COST = 100;

/**
 * @param {fc.Arbitrary<{ do: string }[]>} arbitrary
 * @param {(() => SocketSandbox)[]} sandboxes
 */
export async function assertSameStreams(arbitrary, sandboxes) {
	const { SOCKETS_SEED } = process.env;
	await fc.assert(
		fc.asyncProperty(arbitrary, async (sequence) => {
			const logs = [];
			for (const make of sandboxes) logs.push(await logOf(make(), sequence));
			for (const log of logs) assert.deepEqual(log, logs[0]);
		}),
		{
			numRuns: Math.ceil(operationsToDo(40_000) / COST / SEQUENCE_LENGTH),
			endOnFailure: true,
			reporter: report,
			...(SOCKETS_SEED === undefined ? {} : { seed: Number(SOCKETS_SEED) }),
		},
	);
}

/**
 * @param {SocketSandbox} sandbox
 * @param {{ do: string }[]} sequence
 */
async function logOf(sandbox, sequence) {
	let count = 0;
	try {
		for (const operation of sequence) {
			count++;
			// An unconditional `await` would let a microtask pass between any two operations.
			const wait = sandbox.perform(operation);
			if (wait) await wait;
		}
		return await sandbox.finish();
	} catch (error) {
		throw new Error(`after ${count} of ${sequence.length} operations: ${/** @type {Error} */ (error).message}`, {
			cause: error,
		});
	}
}

/** @param {fc.RunDetails<[{ do: string }[]]>} details */
function report({ failed, seed, errorInstance }) {
	if (!failed) return;
	const { message } = /** @type {Error} */ (errorInstance);
	throw new Error(`SOCKETS_SEED=${seed}: ${message}`, { cause: errorInstance });
}
