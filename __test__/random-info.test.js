// Random sequences of operations on info managers, the same against upstream and against ours: every answer has to be the
// same, by identity, and come at the same time.

import { test } from 'node:test';

import fc from 'fast-check';

import { infoManagers } from './support/implementations.js';
import { IDS, InfoWorld, URIS, VALUES } from './support/info-world.js';
import { assertSameLogs, operationsToDo, sequences } from './support/random.js';

const OPERATIONS = operationsToDo(50_000);

const id = fc.constantFrom(...IDS);
const uri = fc.constantFrom(...URIS);
const what = fc.constantFrom('ClientInfo', 'ClientCapabilities', 'LogLevel');
const operations = sequences(
	{ weight: 5, arbitrary: fc.record({ do: fc.constant('get'), what, id }) },
	{ weight: 4, arbitrary: fc.record({ do: fc.constant('set'), what, id, value: fc.nat(VALUES.length - 1) }) },
	{ weight: 4, arbitrary: fc.record({ do: fc.constant('getSubscriptions'), uri }) },
	{ weight: 5, arbitrary: fc.record({ do: fc.constant('addSubscription'), id, uri }) },
	{ weight: 3, arbitrary: fc.record({ do: fc.constant('removeSubscription'), id, uri }) },
	{ weight: 2, arbitrary: fc.record({ do: fc.constant('delete'), id }) },
	{ weight: 2, arbitrary: fc.record({ do: fc.constantFrom('microtask', 'turn') }) },
);

const { ours, limited, upstream } = infoManagers;
for (const { name, make } of [ours, limited]) {
	test(`${OPERATIONS} random operations on clients’ info have the same effects in ${upstream.name} and in ${name}`, async () => {
		await assertSameLogs(
			OPERATIONS,
			operations,
			() => new InfoWorld(make()),
			() => new InfoWorld(upstream.make()),
		);
	});
}
