// Random sequences of operations on info managers, for {@link InfoSandbox}.

import fc from 'fast-check';

import { URIS, VALUES } from './info-sandbox.js';
import { sequences } from './random.js';

const uri = fc.constantFrom(...URIS);
const attribute = fc.constantFrom('ClientInfo', 'ClientCapabilities', 'LogLevel');

/**
 * Returns an arbitrary of sequences of operations.
 *
 * @param {unknown[]} ids
 */
export function infoOperations(ids) {
	const id = fc.constantFrom(...ids);
	return sequences(
		{ weight: 5, arbitrary: fc.record({ do: fc.constant('get'), attribute, id }) },
		{ weight: 4, arbitrary: fc.record({ do: fc.constant('set'), attribute, id, value: fc.nat(VALUES.length - 1) }) },
		{ weight: 4, arbitrary: fc.record({ do: fc.constant('getSubscriptions'), uri }) },
		{ weight: 5, arbitrary: fc.record({ do: fc.constant('addSubscription'), id, uri }) },
		{ weight: 3, arbitrary: fc.record({ do: fc.constant('removeSubscription'), id, uri }) },
		{ weight: 2, arbitrary: fc.record({ do: fc.constant('delete'), id }) },
		{ weight: 2, arbitrary: fc.record({ do: fc.constantFrom('microtask', 'turn') }) },
	);
}
