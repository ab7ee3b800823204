// Notes what reaches a client, and when.

import { EventEmitter, once } from 'node:events';

/** @typedef {{ message: string, at: number }} Arrival `at` as `performance.now()` says it */

export class Recipient {
	/** @type {Arrival[]} in the order they came */
	arrivals = [];
	/** @type {Error[]} */
	errors = [];
	#changes = new EventEmitter();

	/** @param {string} name */
	constructor(name) {
		this.name = name;
	}

	/**
	 * Makes a client of an SDK tell everything here: also what nobody should have sent.
	 *
	 * @param {import('@modelcontextprotocol/sdk/client/index.js').Client | import('@modelcontextprotocol/client').Client} client
	 */
	noteAllOf(client) {
		client.fallbackNotificationHandler = async ({ method, params }) => {
			this.arrivals.push({ message: messageName(method, params?.uri ?? params?.level), at: performance.now() });
			this.#changes.emit('change');
		};
		client.onerror = (error) => this.errors.push(error);
	}

	/**
	 * Resolves as soon as the message is here, that many times.
	 *
	 * @param {string} message
	 * @param {number} [times]
	 */
	async untilReceived(message, times = 1) {
		const isHere = () => this.arrivals.filter((arrival) => arrival.message === message).length >= times;
		while (!isHere()) await once(this.#changes, 'change');
	}
}

/**
 * @param {string} method such as `notifications/tools/list_changed`
 * @param {unknown} [about] the URI of a resource, the level of a log message
 */
export function messageName(method, about) {
	const name = method.replace(/^notifications\//, '');
	return about === undefined ? name : `${name} ${about}`;
}
