// What a thread of a node can be told to do: its managers of one Redis and prefix, and what the streams and registrations
// that it made there have got, chunk by chunk.

import { setImmediate as turn } from 'node:timers/promises';

import {
	RedisInfoSessionManager,
	RedisStreamSessionManager,
	RedisSubscriptionManager,
} from '@tmcp-native/session-manager/redis';

import { collected } from '../garbage.js';
import { text } from '../streams.js';
import { subscription } from '../subscriptions.js';
import { NodeWorkload } from './node-workload.js';

/** @import { JSONRPCRequest, SubscriptionFilter } from '@tmcp-native/session-manager' */
/** @import { NodeWorkloadOptions } from './node-workload.js' */

/** @typedef {{ messages: string[], closed: number }} Seen what a stream has got, and how often it was closed */
/** @typedef {{ node: string, missed: number }} Gap */
/** @typedef {{ name: string, message: string, code: unknown }} Heard an error that `onError` was told */

export class NodeManagers {
	/** The streams made here for each id, oldest first. @type {Map<string, Seen[]>} */
	#streams = new Map();
	/** What the registrations made here were called with, likewise. @type {Map<string, unknown[][]>} */
	#registered = new Map();
	/** @type {Gap[]} */
	#gaps = [];
	/** @type {Heard[]} */
	#errors = [];
	/** @type {(() => void)[]} */
	#watchers = [];
	/** @type {NodeWorkload | undefined} */
	#workload;
	/** @type {any} */
	#subscriptions;
	/** @type {any} */
	#info;
	#url;
	#options;
	/** For the functions that a test has run here. */
	tools = { collected, turn };
	/** A test's own, from one `run` to the next. @type {Record<string, any>} */
	own = {};

	/**
	 * @param {string} url
	 * @param {any} [options] of the connection
	 */
	constructor(url, options) {
		this.#url = url;
		this.#options = options;
		/** @type {any} */
		this.manager = new RedisStreamSessionManager(url, {
			...options,
			onGap: (/** @type {Gap} */ gap) => {
				this.#gaps.push(gap);
				this.#changed();
			},
			onError: (/** @type {any} */ { name, message, code }) => {
				this.#errors.push({ name, message, code });
				this.#changed();
			},
		});
	}

	/**
	 * Calls a method of the stream manager; a property is read.
	 *
	 * @param {string} method
	 * @param {any[]} args
	 */
	streams(method, ...args) {
		const member = this.manager[method];
		return typeof member === 'function' ? member.apply(this.manager, args) : member;
	}

	/**
	 * Calls a method of the info manager.
	 *
	 * @param {string} method
	 * @param {any[]} args
	 */
	info(method, ...args) {
		this.#info ??= new RedisInfoSessionManager(this.#url, this.#options);
		return this.#info[method](...args);
	}

	/** @param {string} id */
	create(id) {
		/** @type {Seen} */
		const seen = { messages: [], closed: 0 };
		const streams = this.#streams.get(id);
		if (streams) streams.push(seen);
		else this.#streams.set(id, [seen]);
		return this.manager.create(id, {
			enqueue: (/** @type {Uint8Array} */ chunk) => {
				seen.messages.push(text(chunk));
				this.#changed();
			},
			close: () => {
				seen.closed++;
				this.#changed();
			},
		});
	}

	/**
	 * What the streams made here for an id have got, oldest first.
	 *
	 * @param {string} id
	 */
	seen(id) {
		return this.#streams.get(id) ?? [];
	}

	/**
	 * What the newest stream of an id has got, as soon as it is so many chunks.
	 *
	 * @param {string} id
	 * @param {number} count
	 */
	async received(id, count) {
		await this.#until(() => this.#newest(id).messages.length >= count);
		return this.#newest(id).messages;
	}

	/**
	 * What the newest stream of an id has got, as soon as it is closed.
	 *
	 * @param {string} id
	 */
	async closed(id) {
		await this.#until(() => this.#newest(id).closed > 0);
		return this.#newest(id).messages;
	}

	/** What `onGap` was told, as soon as it was told so often. @param {number} count */
	async gaps(count) {
		await this.#until(() => this.#gaps.length >= count);
		return this.#gaps;
	}

	/** What `onError` was told, as soon as it was told so often. @param {number} count */
	async errors(count) {
		await this.#until(() => this.#errors.length >= count);
		return this.#errors;
	}

	/**
	 * @param {string | number} id
	 * @param {SubscriptionFilter} [filters]
	 * @param {string} [origin]
	 */
	subscribe(id, filters, origin = 'origin') {
		/** @type {unknown[]} */
		const calls = [];
		const name = nameOf(id, origin);
		const registered = this.#registered.get(name);
		if (registered) registered.push(calls);
		else this.#registered.set(name, [calls]);
		const called = (/** @type {unknown} */ call) => {
			calls.push(call);
			this.#changed();
		};
		return this.#subscribing().create(subscription(id, origin, filters), {
			acknowledge: () => called('acknowledge'),
			send: (/** @type {JSONRPCRequest} */ notification) => called(notification),
			close: (/** @type {string} */ reason) => called(`close: ${reason}`),
		});
	}

	/**
	 * Calls a method of the subscription manager.
	 *
	 * @param {string} method
	 * @param {any[]} args
	 */
	subscriptions(method, ...args) {
		return this.#subscribing()[method](...args);
	}

	/**
	 * What the newest registration of that name was called with, as soon as it was called so often.
	 *
	 * @param {string | number} id
	 * @param {number} count
	 * @param {string} [origin]
	 */
	async called(id, count, origin = 'origin') {
		const calls = () => this.#registered.get(nameOf(id, origin))?.at(-1) ?? [];
		await this.#until(() => calls().length >= count);
		return calls();
	}

	/** Makes all three managers of this member leave. */
	async leave() {
		await Promise.all([this.manager.close(), this.#info?.close(), this.#subscriptions?.close()]);
	}

	/**
	 * Makes the sessions of a workload.
	 *
	 * @param {number} node
	 * @param {NodeWorkloadOptions} options
	 */
	async prepareWorkload(node, options) {
		this.#workload = new NodeWorkload(this.manager, node, options, () => this.#changed());
		await this.#workload.prepare();
	}

	/** Sends all of the workload, and settles when it has gone out. */
	runWorkload() {
		return this.#preparedWorkload().run();
	}

	/** Settles when so many messages of the workload are sent. @param {number} count */
	workloadReached(count) {
		return this.#until(() => this.#preparedWorkload().sent >= count);
	}

	/** What the workload of all nodes has come to here, as soon as the last message of each has come to each session. */
	async workloadReport() {
		await this.#until(() => this.#preparedWorkload().isComplete());
		return this.#preparedWorkload().report();
	}

	/**
	 * @param {string} source of a function that takes this member first
	 * @param {unknown[]} args
	 */
	run(source, ...args) {
		// In the global scope, so that it sees nothing of this file.
		return Function(`return (${source})`)()(this, ...args);
	}

	#subscribing() {
		this.#subscriptions ??= new RedisSubscriptionManager(this.#url, this.#options);
		return this.#subscriptions;
	}

	/** @param {string} id */
	#newest(id) {
		const newest = this.#streams.get(id)?.at(-1);
		if (newest === undefined) throw new Error(`nothing was made of ${JSON.stringify(id)}`);
		return newest;
	}

	#preparedWorkload() {
		if (this.#workload === undefined) throw new Error('no workload was prepared');
		return this.#workload;
	}

	/** @param {() => boolean} condition */
	async #until(condition) {
		while (!condition()) await /** @type {Promise<void>} */ (new Promise((resolve) => this.#watchers.push(resolve)));
	}

	#changed() {
		for (const watcher of this.#watchers.splice(0)) watcher();
	}
}

/**
 * @param {string | number} id
 * @param {string} origin
 */
function nameOf(id, origin) {
	return JSON.stringify([origin, id]);
}
