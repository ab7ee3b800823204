// Random sequences of operations for {@link SocketSandbox}.

import fc from 'fast-check';
import { sequences } from '../../support/random.js';

export const IDS = ['a', 'b', 'ü 3', 'd/4'];

const id = fc.constantFrom(...IDS);
const text = fc.oneof(
	{ weight: 8, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
	{
		weight: 2,
		arbitrary: fc.constantFrom('', 'data: x\n\n', '\r\n', '0\r\n\r\n', '\ud83d', 'HTTP/1.1 200 OK\r\n\r\n'),
	},
	{ weight: 2, arbitrary: fc.integer({ min: 100, max: 5_000 }).map((length) => 'é☃x'[length % 3].repeat(length)) },
	{ weight: 1, arbitrary: fc.integer({ min: 16_000, max: 300_000 }).map((length) => 'xyz'[length % 3].repeat(length)) },
);
const targets = fc.oneof(
	{ weight: 3, arbitrary: fc.constant(undefined) },
	{ weight: 4, arbitrary: fc.array(fc.oneof({ weight: 9, arbitrary: id }, fc.constant('unknown')), { maxLength: 4 }) },
);

/**
 * Returns an arbitrary of sequences of operations.
 *
 * @param {{ leaves: boolean }} options `leaves`: clients leave while their streams are open
 */
export function socketOperations({ leaves }) {
	const create = fc.record({
		do: fc.constant('create'),
		id,
		version: fc.constantFrom('1.1', '1.1', '1.1', '1.0'),
		pieceBytes: fc.constantFrom(65_536, 65_536, 1_000, 61),
		becomesDirect: fc.oneof({ weight: 3, arbitrary: fc.constant(true) }, fc.constant(false)),
	});
	const ways = leaves ? ['leave', 'reset'] : [];
	return sequences(
		{ weight: 4, arbitrary: create },
		{ weight: 24, arbitrary: fc.record({ do: fc.constant('send'), ids: targets, text }) },
		{ weight: 4, arbitrary: fc.record({ do: fc.constant('enqueue'), id, text }) },
		{ weight: 4, arbitrary: fc.record({ do: fc.constant('comment'), id }) },
		{ weight: 1, arbitrary: fc.record({ do: fc.constantFrom('delete', 'close', ...ways), id }) },
		{ weight: 3, arbitrary: fc.record({ do: fc.constantFrom('pause', 'resume'), id }) },
		{ weight: 12, arbitrary: fc.record({ do: fc.constant('turn') }) },
		{ weight: 3, arbitrary: fc.record({ do: fc.constant('settle'), id }) },
	);
}
