// Random sequences of operations, the same against upstream and against this package: whatever can be seen from outside
// has to be the same, in the same order.

import { test } from 'node:test';

import fc from 'fast-check';

import { ours, upstream01, upstream03 } from './support/implementations.js';
import { assertSameLogs, operationsToDo, sequences } from './support/random.js';
import { IDS, KINDS, World } from './support/world.js';

/** @import { Implementation } from './support/implementations.js' */

const OPERATIONS = operationsToDo(100_000);

const id = fc.constantFrom(...IDS);
const text = fc.oneof(
	{ weight: 6, arbitrary: fc.string({ unit: 'binary', maxLength: 20 }) },
	{ weight: 2, arbitrary: fc.constantFrom('', '\0', '\ud83d', 'event: message\ndata: {}\n\n') },
	{ weight: 1, arbitrary: fc.integer({ min: 400, max: 20_000 }).map((length) => 'é☃x'[length % 3].repeat(length)) },
);
const targets = fc.oneof(
	{ weight: 2, arbitrary: fc.constantFrom(undefined, null) },
	{ weight: 3, arbitrary: fc.array(fc.oneof({ weight: 9, arbitrary: id }, fc.constant('unknown')), { maxLength: 9 }) },
);
const plain = [
	fc.record({ do: fc.constant('delete'), id }),
	fc.record({ do: fc.constant('has'), id }),
	fc.record({ do: fc.constant('send'), ids: targets, text }),
];
const script = fc.array(
	fc.oneof(...plain, fc.record({ do: fc.constant('create'), id, kind: fc.constant('fake'), script: fc.constant([]) })),
	{ maxLength: 3 },
);

/**
 * @param {readonly string[]} kinds
 * @param {string[]} faults
 */
function operations(kinds, faults) {
	const [deletes, asks, sends] = plain;
	const creates = fc
		.record({ do: fc.constant('create'), id, kind: fc.constantFrom(...kinds), script })
		// A size function runs in the midst of its stream's enqueue, and may make it throw: see "differences".
		.map((create) => (create.kind === 'sized' ? { ...create, script: create.script.filter(isSend) } : create));
	return sequences(
		{ weight: 1, arbitrary: fc.record({ do: fc.constant('turn') }) },
		{ weight: 6, arbitrary: creates },
		{ weight: 3, arbitrary: deletes },
		{ weight: 2, arbitrary: asks },
		{ weight: 8, arbitrary: sends },
		{ weight: 4, arbitrary: fc.record({ do: fc.constantFrom('read', ...faults), stream: fc.nat(1_000) }) },
	);
}

/** @param {{ do: string }} operation */
const isSend = (operation) => operation.do === 'send';

/**
 * Upstream, with the documented difference taken over: `create` over a live id closes the older stream.
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
	// Its `send` throws where an `enqueue` does, and starves the rest: it is the oracle where none does. A byte stream's
	// does with an empty text.
	[upstream01, KINDS.filter((kind) => kind !== 'throwing' && kind !== 'bytes'), ['enqueue']],
];

for (const [upstream, kinds, faults] of oracles) {
	for (const { name, make } of ours) {
		const share = Math.ceil(OPERATIONS / (upstream === upstream03 && name === 'ours' ? 1 : 10));
		test(`${share} random operations have the same effects in ${upstream.name} and in ${name}`, async () => {
			await assertSameLogs(
				share,
				operations(kinds, faults),
				() => new World(make()),
				() => new World(replacing(upstream)),
			);
		});
	}
}
