// The abstract base of everything that routes notifications to the streams of `subscriptions/listen`. Users extend it;
// what they leave out fails when it is called, with upstream's message.

/** @import { JSONRPCRequest, Subscription, SubscriptionCallbacks } from '../../../index.js' */

/**
 * @abstract
 */
export class SubscriptionManager {
	/**
	 * @param {Subscription} _subscription
	 * @param {SubscriptionCallbacks} _callbacks
	 * @returns {boolean | Promise<boolean>}
	 */
	create(_subscription, _callbacks) {
		throw new Error('Method not implemented.');
	}

	/**
	 * @param {JSONRPCRequest} _notification
	 * @returns {void | Promise<void>}
	 */
	send(_notification) {
		throw new Error('Method not implemented.');
	}

	/**
	 * @param {string | number} _id
	 * @param {string} _origin
	 * @param {'closed' | 'cancelled'} _reason
	 * @returns {boolean | Promise<boolean>}
	 */
	close(_id, _origin, _reason) {
		throw new Error('Method not implemented.');
	}

	/**
	 * @param {string} [_origin]
	 * @param {'closed' | 'cancelled'} [_reason]
	 * @returns {void | Promise<void>}
	 */
	closeAll(_origin, _reason) {
		throw new Error('Method not implemented.');
	}
}
