// The abstract base class of subscription managers, which send notifications to the streams of `subscriptions/listen`.
// Users may extend it. A method that is not overridden throws the same error as in @tmcp/session-manager.

/** @import { JSONRPCRequest, Subscription, SubscriptionCallbacks } from '../../../index.js' */

/**
 * The method of a subscription manager that closes the subscriptions of this thread. `shutdown()` calls it, also on managers of
 * another copy of this package.
 */
export const closeHere = Symbol.for('@tmcp-native/session-manager: closeHere');

/**
 * @abstract
 */
export class SubscriptionManager {
	/**
	 * Registers a subscription and acknowledges it. Returns false when its origin and id are registered already.
	 *
	 * @param {Subscription} _subscription
	 * @param {SubscriptionCallbacks} _callbacks
	 * @returns {boolean | Promise<boolean>}
	 */
	create(_subscription, _callbacks) {
		throw new Error('Method not implemented.');
	}

	/**
	 * Sends a notification to every subscription that it matches.
	 *
	 * @param {JSONRPCRequest} _notification
	 * @returns {void | Promise<void>}
	 */
	send(_notification) {
		throw new Error('Method not implemented.');
	}

	/**
	 * Closes a subscription. Returns false when it does not exist.
	 *
	 * @param {string | number} _id
	 * @param {string} _origin
	 * @param {'closed' | 'cancelled'} _reason
	 * @returns {boolean | Promise<boolean>}
	 */
	close(_id, _origin, _reason) {
		throw new Error('Method not implemented.');
	}

	/**
	 * Closes all subscriptions, or those of one origin.
	 *
	 * @param {string} [_origin]
	 * @param {'closed' | 'cancelled'} [_reason]
	 * @returns {void | Promise<void>}
	 */
	closeAll(_origin, _reason) {
		throw new Error('Method not implemented.');
	}
}
