// The suites of the subscription manager in memory, for the subscription manager on Redis with a single process.

import { matchesSubscription } from '@tmcp-native/session-manager';
import { RedisSubscriptionManager } from '@tmcp-native/session-manager/redis';

import { testNotificationRefusals } from '../suites/notification-values.js';
import { testSubscriptionMistakes } from '../suites/subscription-mistakes.js';
import { testChangedSubscriptions, testSubscriptions } from '../suites/subscriptions.js';
import { describeWithRedis } from '../support/redis.js';
import { managersOnRedis, newPrefix } from '../support/redis-managers.js';
import { escapeRegExp } from '../support/regexp.js';
import { driveSubscriptionsHere } from '../support/threads/subscription-driver.js';

describeWithRedis('on Redis', () => {
	const makeOf = managersOnRedis();
	const implementation = {
		name: 'ours, on Redis',
		sendsThroughBroker: true,
		Manager: /** @type {any} */ (RedisSubscriptionManager),
		make: (/** @type {any} */ Class = RedisSubscriptionManager) => makeOf(Class),
		matches: matchesSubscription,
	};

	testSubscriptions(implementation);
	testChangedSubscriptions(implementation);
	testSubscriptionMistakes(implementation);
	testNotificationRefusals({
		async open() {
			const prefix = newPrefix();
			const [here, there] = [0, 1].map(() => driveSubscriptionsHere({}, makeOf(RedisSubscriptionManager, { prefix })));
			return { here, there };
		},
		refusal: (found) =>
			RegExp(`^send: "notification" must be data that JSON can represent, .*; ${escapeRegExp(found)}: `),
	});
});
