// Records the messages that a client receives, and when.

import { EventEmitter, once } from 'node:events';

/** @typedef {{ message: string, at: number }} Arrival `at` is a time of `performance.now()` */

export class Recipient {
	/** @type {Arrival[]} in the order of their arrival */
	arrivals = [];
	/** @type {Error[]} */
	errors = [];
	#changes = new EventEmitter();

	/** @param {string} name */
	constructor(name) {
		this.name = name;
	}

	/**
	 * Records all notifications and errors of a client of an SDK.
	 *
	 * @param {import('@modelcontextprotocol/sdk/client/index.js').Client | import('@modelcontextprotocol/client').Client} client
	 */
	recordAllOf(client) {
		client.fallbackNotificationHandler = async ({ method, params }) => {
			this.arrivals.push({ message: messageName(method, params?.uri ?? params?.level), at: performance.now() });
			this.#changes.emit('change');
		};
		client.onerror = (error) => this.errors.push(error);
	}

	/**
	 * Resolves when the message has arrived this many times.
	 *
	 * @param {string} message
	 * @param {number} [times]
	 */
	async untilReceived(message, times = 1) {
		const hasArrived = () => this.arrivals.filter((arrival) => arrival.message === message).length >= times;
		while (!hasArrived()) await once(this.#changes, 'change');
	}
}

/**
 * @param {string} method such as `notifications/tools/list_changed`
 * @param {unknown} [about] URI of a resource, or level of a log message
 */
export function messageName(method, about) {
	const name = method.replace(/^notifications\//, '');
	return about === undefined ? name : `${name} ${about}`;
}
