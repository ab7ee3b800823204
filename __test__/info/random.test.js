// Random sequences of operations on upstream's info manager and on ours. Every result must be the same object, or an equal one
// in a scope, and settle at the same time.

import { test } from 'node:test';

import { infoManagers } from '../support/implementations.js';
import { infoOperations } from '../support/info-operations.js';
import { IDS, InfoSandbox } from '../support/info-sandbox.js';
import { assertSameLogs, operationsToDo } from '../support/random.js';

const OPERATIONS = operationsToDo(50_000);

const { ours, limited, scoped, upstream } = infoManagers;
for (const { name, make, copies, skip = false } of [ours, limited, scoped]) {
	test(`${OPERATIONS} random operations on info have the same results in ${upstream.name} and in ${name}`, {
		skip,
	}, async () => {
		const ids = copies ? IDS.filter((id) => typeof id === 'string') : IDS;
		await assertSameLogs(
			OPERATIONS,
			infoOperations(ids),
			() => new InfoSandbox(make(), { copies, ids }),
			() => new InfoSandbox(upstream.make(), { copies, ids }),
		);
	});
}
