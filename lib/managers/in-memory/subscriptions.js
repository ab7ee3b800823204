// The subscription manager in memory. Its subscriptions belong to one manager, or to all managers of a scope.

import { openSubscriptions } from '../../native/binding.js';
import { onCollected } from '../../native/on-collected.js';
import { subscriptionOptions } from '../../options/options.js';
import { Registrations } from '../../subscriptions/registrations.js';
import { membershipInScope } from '../../threads/membership.js';
import { RoutedSubscriptionManager } from '../routed-subscriptions.js';

/** @import { SubscriptionManagerOptions } from '../../../index.js' */

export class InMemorySubscriptionManager extends RoutedSubscriptionManager {
	/** @param {SubscriptionManagerOptions} [options] */
	constructor(options) {
		const { scope, maxMailboxBytes } = subscriptionOptions(options, new.target.name);
		if (scope === undefined) {
			const native = openSubscriptions();
			super(new Registrations(native));
			onCollected(this, native.leave);
		} else {
			const membership = membershipInScope(scope, { maxMailboxBytes }, new.target.name);
			super(membership.registrations, membership);
		}
	}
}
