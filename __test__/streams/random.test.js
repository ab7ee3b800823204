// Random sequences of operations on upstream's stream manager and on ours. Everything that can be observed from outside must be
// the same, in the same order.

import { test } from 'node:test';

import { ours, upstream01, upstream03 } from '../support/implementations.js';
import { assertSameLogs, operationsToDo } from '../support/random.js';
import { streamOperations } from '../support/stream-operations.js';
import { KINDS, StreamSandbox } from '../support/stream-sandbox.js';

/** @import { Implementation } from '../support/implementations.js' */

const OPERATIONS = operationsToDo(100_000);

/**
 * Returns upstream's manager with the documented difference applied: `create` with the id of a live session closes the older
 * stream.
 *
 * @param {Implementation} upstream
 */
function replacing(upstream) {
	const manager = upstream.make();
	const create = manager.create.bind(manager);
	manager.create = (id, controller) => {
		manager.delete(id);
		create(id, controller);
	};
	return manager;
}

/** @type {[Implementation, readonly string[], string[]][]} */
const oracles = [
	[upstream03, KINDS, ['cancel', 'error', 'close', 'enqueue']],
	// Its `send` throws and stops when an `enqueue` throws. So it is the oracle only for controllers that never throw. The
	// `enqueue` of a byte stream throws for an empty text.
	[upstream01, KINDS.filter((kind) => kind !== 'throwing' && kind !== 'bytes'), ['enqueue']],
];

for (const [upstream, kinds, faults] of oracles) {
	for (const { name, make } of ours) {
		const share = Math.ceil(OPERATIONS / (upstream === upstream03 && name === 'ours' ? 1 : 10));
		test(`${share} random operations have the same results in ${upstream.name} and in ${name}`, async () => {
			await assertSameLogs(
				share,
				streamOperations(kinds, faults),
				() => new StreamSandbox(make()),
				() => new StreamSandbox(replacing(upstream)),
			);
		});
	}
}
