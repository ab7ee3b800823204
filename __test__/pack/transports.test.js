// Passed as `sessionManager: { streams }`, our manager serves the transports of tmcp as upstream's 0.3.0 does.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { installBoth } from './install-both.js';
import { managersIn, pack } from './projects.js';
import { runScenario } from './scenarios.js';
import { kinds, serve } from './transports.js';

/** @type {Awaited<ReturnType<typeof installBoth>>} */
let both;

before(async () => {
	both = await installBoth(await pack());
});

test('upstream 0.3.0 and ours are installed side by side, once each', () => {
	assert.deepEqual(managersIn(both.folder), {
		'@tmcp-native/session-manager': '@tmcp-native/session-manager',
		'@tmcp/session-manager': '@tmcp/session-manager',
		// Version 0.2.2, for transport-http 0.8.6.
		'http-0-8/node_modules/@tmcp/session-manager': '@tmcp/session-manager',
	});
	assert.notEqual(both.Ours, both.Upstreams);
});

for (const kind of /** @type {import('./transports.js').Kind[]} */ (Object.keys(kinds))) {
	for (const [access, bySocket] of /** @type {const} */ ([
		['called directly', false],
		['behind node:http', true],
	])) {
		test(`${kind}, ${access}, behaves byte for byte as with upstream`, {
			timeout: 60_000,
		}, async () => {
			const mine = await runScenario(await serve(both.folder, kind, new both.Ours()), bySocket);
			assert.deepEqual(mine, await runScenario(await serve(both.folder, kind, new both.Upstreams()), bySocket));
			// The transport's own info manager, of upstream 0.2.2, keeps the subscriptions of an ended session.
			const stale = kind === 'transport-http 0.8.6' ? 1 : 0;
			const counts = {
				'tools/list_changed': 17 - stale,
				'resources/updated': 3 + stale,
				'got: undefined': 1,
				': "409 ': 1,
			};
			for (const [text, count] of Object.entries(counts)) {
				assert.equal(mine.filter((line) => line.includes(text)).length, count, `${text}\n${mine.join('\n')}`);
			}
		});
	}
}
