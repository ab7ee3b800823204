// The managers of one thread of a node, with one Redis server and prefix, driven by the commands of a test. Records each chunk
// and call that their streams and registrations receive.

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

/** @typedef {{ messages: string[], closed: number }} Seen the messages of a stream, and how often it was closed */
/** @typedef {{ node: string, missed: number }} Gap */
/** @typedef {{ name: string, message: string, code: unknown }} ReportedError an error passed to `onError` */

export class NodeManagers {
	/** The streams of each id, oldest first. @type {Map<string, Seen[]>} */
	#streams = new Map();
	/** The calls of the registrations of each name, oldest first. @type {Map<string, unknown[][]>} */
	#registered = new Map();
	/** @type {Gap[]} */
	#gaps = [];
	/** @type {ReportedError[]} */
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
	/** For the functions that a test runs here. */
	tools = { collected, turn };
	/** State that a test keeps from one `run` to the next. @type {Record<string, any>} */
	own = {};

	/**
	 * @param {string} url
	 * @param {any} [options] options of the managers
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
	 * Calls a method of the stream manager, or reads a property.
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
	 * Returns what the streams of an id have received, oldest first.
	 *
	 * @param {string} id
	 */
	seen(id) {
		return this.#streams.get(id) ?? [];
	}

	/**
	 * Resolves with the messages of the newest stream of an id, when it has received at least `count`.
	 *
	 * @param {string} id
	 * @param {number} count
	 */
	async received(id, count) {
		await this.#until(() => this.#newest(id).messages.length >= count);
		return this.#newest(id).messages;
	}

	/**
	 * Resolves with the messages of the newest stream of an id, when the last one is the given text.
	 *
	 * @param {string} id
	 * @param {string} last
	 */
	async receivedLast(id, last) {
		await this.#until(() => this.#newest(id).messages.at(-1) === last);
		return this.#newest(id).messages;
	}

	/**
	 * Resolves with the messages of the newest stream of an id, when it is closed.
	 *
	 * @param {string} id
	 */
	async closed(id) {
		await this.#until(() => this.#newest(id).closed > 0);
		return this.#newest(id).messages;
	}

	/** Resolves with the gaps passed to `onGap`, when there are at least `count`. @param {number} count */
	async gaps(count) {
		await this.#until(() => this.#gaps.length >= count);
		return this.#gaps;
	}

	/** Resolves with the errors passed to `onError`, when there are at least `count`. @param {number} count */
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
	 * Resolves with the calls of the newest registration of a name, when there are at least `count`.
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

	/** Closes all managers. */
	async leave() {
		await Promise.all([this.manager.close(), this.#info?.close(), this.#subscriptions?.close()]);
	}

	/**
	 * Creates the sessions of a workload.
	 *
	 * @param {number} node
	 * @param {NodeWorkloadOptions} options
	 */
	async prepareWorkload(node, options) {
		this.#workload = new NodeWorkload(this.manager, node, options, () => this.#changed());
		await this.#workload.prepare();
	}

	/** Sends all messages of the workload. */
	runWorkload() {
		return this.#preparedWorkload().run();
	}

	/** Resolves when at least `count` messages of the workload are sent. @param {number} count */
	workloadReached(count) {
		return this.#until(() => this.#preparedWorkload().sent >= count);
	}

	/** Resolves with the report, when each session has received the last message of each node. */
	async workloadReport() {
		await this.#until(() => this.#preparedWorkload().isComplete());
		return this.#preparedWorkload().report();
	}

	/**
	 * @param {string} source of a function that takes this object as its first argument
	 * @param {unknown[]} args
	 */
	run(source, ...args) {
		// Evaluated in the global scope, so the function sees nothing of this file.
		return Function(`return (${source})`)()(this, ...args);
	}

	#subscribing() {
		this.#subscriptions ??= new RedisSubscriptionManager(this.#url, this.#options);
		return this.#subscriptions;
	}

	/** @param {string} id */
	#newest(id) {
		const newest = this.#streams.get(id)?.at(-1);
		if (newest === undefined) throw new Error(`there is no stream of ${JSON.stringify(id)}`);
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
