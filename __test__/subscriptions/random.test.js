// Random sequences of operations on upstream's subscription manager and on ours. Every callback must get the same arguments,
// and every promise must settle in the same way, all in the same order.

import { test } from 'node:test';

import fc from 'fast-check';

import { subscriptionManagers } from '../support/implementations.js';
import { assertSameLogs, operationsToDo, sequences } from '../support/random.js';
import { IDS, NOTIFICATIONS, ORIGINS, RESULTS, SubscriptionSandbox, URIS } from '../support/subscription-sandbox.js';

const OPERATIONS = operationsToDo(50_000);

const origin = fc.constantFrom(...ORIGINS);
const id = fc.constantFrom(...IDS);
const flag = fc.oneof({ weight: 4, arbitrary: fc.constant(true) }, fc.constantFrom(false, 1, 'true', null, undefined));
const uri = fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...URIS) }, fc.constantFrom(1, undefined, null));
const filters = fc.record(
	{
		toolsListChanged: flag,
		promptsListChanged: flag,
		resourcesListChanged: flag,
		resourceSubscriptions: fc.option(fc.array(uri, { maxLength: 4 }), { freq: 9, nil: undefined }),
	},
	{ requiredKeys: [] },
);
const reason = fc.constantFrom('closed', 'cancelled', undefined);

const send = fc.record({ do: fc.constant('send'), notification: fc.nat(NOTIFICATIONS.length - 1) });
const close = fc.record({
	do: fc.constant('close'),
	origin: fc.oneof({ weight: 9, arbitrary: origin }, fc.constantFrom('unknown', undefined)),
	id: fc.oneof({ weight: 9, arbitrary: id }, fc.constantFrom('unknown', 7, undefined)),
	reason,
});
const closeAll = fc.record({
	do: fc.constant('closeAll'),
	args: fc.oneof(
		fc.constant([]),
		fc.tuple(fc.oneof(origin, fc.constantFrom(undefined, null, 'unknown'))),
		fc.tuple(fc.oneof(origin, fc.constant(undefined)), reason),
	),
});

/** @param {fc.Arbitrary<unknown[]>} script */
function creates(script) {
	const result = fc.oneof({ weight: 4, arbitrary: fc.constantFrom('return', 'wait') }, fc.constantFrom(...RESULTS));
	const behavior = fc.record({ result, script });
	return fc.record({
		do: fc.constant('create'),
		origin,
		id,
		filters,
		acknowledge: behavior,
		send: fc.array(behavior, { minLength: 1, maxLength: 3 }),
		close: behavior,
	});
}

const script = fc.array(
	fc.oneof({ weight: 3, arbitrary: send }, { weight: 2, arbitrary: close }, closeAll, {
		weight: 2,
		arbitrary: creates(fc.constant([])),
	}),
	{ maxLength: 3 },
);
const operations = sequences(
	{ weight: 8, arbitrary: creates(script) },
	{ weight: 12, arbitrary: send },
	{ weight: 4, arbitrary: close },
	{ weight: 1, arbitrary: closeAll },
	{
		weight: 8,
		arbitrary: fc.record({
			do: fc.constant('release'),
			// The oldest pending result, or any.
			which: fc.oneof(fc.constant(0), fc.nat(1_000)),
			fails: fc.oneof({ weight: 3, arbitrary: fc.constant(false) }, fc.constant(true)),
		}),
	},
	{ weight: 6, arbitrary: fc.record({ do: fc.constant('microtask') }) },
	{ weight: 4, arbitrary: fc.record({ do: fc.constant('turn') }) },
);

const { upstream, ...ours } = subscriptionManagers;
for (const { name, make, skip = false } of Object.values(ours)) {
	test(`${OPERATIONS} random operations on subscriptions have the same results in ${upstream.name} and in ${name}`, {
		skip,
	}, async () => {
		await assertSameLogs(
			OPERATIONS,
			operations,
			() => new SubscriptionSandbox(make()),
			() => new SubscriptionSandbox(upstream.make()),
		);
	});
}
