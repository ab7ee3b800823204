// Routes notifications to the streams of `subscriptions/listen` of this process: those of one manager, or of all managers of
// a scope.

import { whenCollected } from './collected.js';
import { openSubscriptions } from './native.js';
import { subscriptionOptions } from './options.js';
import { Registrations } from './registrations.js';
import { RoutedSubscriptionManager } from './routed-subscription-manager.js';
import { seatIn } from './seat.js';

/** @import { SubscriptionManagerOptions } from '../index.js' */

export class InMemorySubscriptionManager extends RoutedSubscriptionManager {
	/** @param {SubscriptionManagerOptions} [options] */
	constructor(options) {
		const { scope, maxMailboxBytes } = subscriptionOptions(options, new.target.name);
		if (scope === undefined) {
			const native = openSubscriptions();
			super(new Registrations(native));
			whenCollected(this, native.leave);
		} else {
			const seat = seatIn(scope, { maxMailboxBytes }, new.target.name);
			super(seat.registrations, seat);
		}
	}
}
