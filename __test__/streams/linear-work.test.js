// The work of a call does not grow with the square of the number of sessions. Operations are counted at two sizes.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { countCalls } from '../support/count-calls.js';
import { createSessions, hubs, withSlowClock } from '../support/policy.js';

for (const { where, make, skip } of hubs) {
	describe(`a manager ${where}`, { skip }, () => {
		test('walks a list of sessions once when it delivers to them in slices', async () => {
			/** @param {number} count */
			const walks = (count) =>
				withSlowClock(async () => {
					const manager = make({ sliceMs: 1 });
					const controllers = createSessions(manager, count);
					manager.send(undefined, 'a');
					const begun = await countCalls(Set.prototype, 'values', async () => {
						manager.send(manager.ids(), 'b');
						await manager.flush();
					});
					assert.deepEqual(controllers.at(-1)?.messages, ['a', 'b']);
					return begun;
				});
			// A new walk from the front of a Set passes all elements that were deleted from it.
			assert.deepEqual([await walks(100), await walks(1_000)], [1, 1]);
		});
	});
}
