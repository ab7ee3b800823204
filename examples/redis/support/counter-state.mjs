// The counters for nodes on several machines, in Redis: what an application keeps is its own to share, beside the sessions
// that the managers share. The same as CounterState, but for having to be waited for.

import { createClient } from 'redis';
import { NAMES, NAMES_FROM_THE_START } from '../../support/counter-state.mjs';

/** An example does not stay for ever. */
const LIFE_S = 24 * 60 * 60;

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
		// It connects anew by itself, and what is asked meanwhile waits.
		this.#client.on('error', (error) => console.error(`The counters: ${error.message}`));
	}

	async connect() {
		await this.#client.connect();
		for (const name of NAMES_FROM_THE_START) await this.add(name);
		await this.#client.expire(this.#key, LIFE_S);
	}

	/** The names of all that there can be. */
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
	 * @param {string} name
	 * @returns the value from then on: two nodes that count at the same moment get two numbers
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
	 * @param {string} what
	 */
	async #has(name, what) {
		return (await this.#client.hExists(this.#key, `${name} ${what}`)) === 1;
	}
}
