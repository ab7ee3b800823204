// Random sequences of operations on stream managers, for {@link StreamSandbox}.

import fc from 'fast-check';

import { sequences } from './random.js';
import { IDS } from './stream-sandbox.js';

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
 * Returns an arbitrary of sequences of operations.
 *
 * @param {readonly string[]} kinds kinds of controllers
 * @param {string[]} faults operations on a stream, in addition to reading
 */
export function streamOperations(kinds, faults) {
	const [deletes, lookups, sends] = plain;
	const creates = fc
		.record({ do: fc.constant('create'), id, kind: fc.constantFrom(...kinds), script })
		// A size function runs inside `enqueue` of its stream, so its script only sends: other calls could make the
		// enqueue throw.
		.map((create) => (create.kind === 'sized' ? { ...create, script: create.script.filter(isSend) } : create));
	return sequences(
		{ weight: 1, arbitrary: fc.record({ do: fc.constant('turn') }) },
		{ weight: 6, arbitrary: creates },
		{ weight: 3, arbitrary: deletes },
		{ weight: 2, arbitrary: lookups },
		{ weight: 8, arbitrary: sends },
		{ weight: 4, arbitrary: fc.record({ do: fc.constantFrom('read', ...faults), stream: fc.nat(1_000) }) },
	);
}

/** @param {{ do: string }} operation */
const isSend = (operation) => operation.do === 'send';
