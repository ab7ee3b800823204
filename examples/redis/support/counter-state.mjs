// The counters in Redis, for nodes on several machines. The managers share sessions; an application shares its own data. The
// methods are those of CounterState, but asynchronous.

import { createClient } from 'redis';
import { INITIAL_NAMES, NAMES } from '../../support/counter-state.mjs';

/** Time after which Redis deletes the counters of this example. */
const EXPIRE_S = 24 * 60 * 60;

export class RedisCounterState {
	#client;
	#key;

	/**
	 * @param {string} url of Redis
	 * @param {string} prefix of the key
	 */
	constructor(url, prefix) {
		this.#key = `${prefix}:counters`;
		this.#client = createClient({ url });
		// The client reconnects, and commands wait until then.
		this.#client.on('error', (error) => console.error(`The counters: ${error.message}`));
	}

	async connect() {
		await this.#client.connect();
		for (const name of INITIAL_NAMES) await this.add(name);
		await this.#client.expire(this.#key, EXPIRE_S);
	}

	/** Names of all counters that can exist. */
	get names() {
		return NAMES;
	}

	/** @param {string} name */
	has(name) {
		return this.#has(name, 'added');
	}

	/** @param {string} name */
	add(name) {
		return this.#client.hSet(this.#key, `${name} added`, 1);
	}

	/** @param {string} name */
	hasReset(name) {
		return this.#has(name, 'reset');
	}

	/** @param {string} name */
	addReset(name) {
		return this.#client.hSet(this.#key, `${name} reset`, 1);
	}

	/** @param {string} name */
	async value(name) {
		return Number(await this.#client.hGet(this.#key, name));
	}

	/**
	 * Adds one.
	 *
	 * @param {string} name
	 * @returns the new value: two nodes that count at the same time get two numbers
	 */
	count(name) {
		return this.#client.hIncrBy(this.#key, name, 1);
	}

	/** @param {string} name */
	reset(name) {
		return this.#client.hSet(this.#key, name, 0);
	}

	close() {
		return this.#client.close();
	}

	/**
	 * @param {string} name
	 * @param {string} flag
	 */
	async #has(name, flag) {
		return (await this.#client.hExists(this.#key, `${name} ${flag}`)) === 1;
	}
}
