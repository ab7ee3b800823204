// What a thread of the tests of subscriptions can be told to do: its manager in a scope, and the registrations it made.
// The main thread has one as well as each worker, so that a test can treat them alike.

import { runInNewContext } from 'node:vm';
import { parentPort } from 'node:worker_threads';

import { InMemorySubscriptionManager } from '@tmcp-native/session-manager';

import { deferred, subscription } from '../subscriptions.js';
import { outcome } from './outcome.js';
import { SubscriptionWorkload } from './subscription-workload.js';

/** @import { JSONRPCRequest, SubscriptionFilter } from '@tmcp-native/session-manager' */
/** @import { WorkloadOptions } from './subscription-workload.js' */
/** @import { StreamDriverProxy, Thread } from './threads.js' */

/** @typedef {'acknowledge' | 'send' | 'close'} Callback */
/**
 * @typedef {object} How
 * @property {string} [origin]
 * @property {SubscriptionFilter} [filters]
 * @property {Callback[]} [waits] the callbacks that answer when they are told to
 */

/**
 * A driver in some thread.
 *
 * @typedef {object} SubscriptionDriverProxy
 * @property {(command: keyof SubscriptionDriver, ...args: any[]) => Promise<any>} do performs a method of {@link SubscriptionDriver} there
 * @property {(what: (driver: SubscriptionDriver, ...args: any[]) => any, ...args: any[]) => Promise<any>} run runs a function
 *   there, which must use nothing from around it
 * @property {StreamDriverProxy} thread the stream driver of the same thread
 */

export class SubscriptionDriver {
	/** What was made of each name, oldest first. @type {Map<string, Registered[]>} */
	#made = new Map();
	/** For the functions that a test has run here. */
	tools = { InMemorySubscriptionManager, outcome, parentPort, runInNewContext };
	/** A test's own, from one `run` to the next. @type {Record<string, any>} */
	own = {};

	/**
	 * @param {any} [options]
	 * @param {InMemorySubscriptionManager} [manager] in place of one of these options
	 */
	constructor(options, manager = new InMemorySubscriptionManager(options)) {
		this.manager = manager;
	}

	/**
	 * @param {string | number} id
	 * @param {How} [how]
	 */
	create(id, { origin = 'origin', filters = { toolsListChanged: true }, waits = [] } = {}) {
		const made = new Registered(waits);
		const name = nameOf(id, origin);
		this.#made.set(name, [...(this.#made.get(name) ?? []), made]);
		return outcome(this.manager.create(subscription(id, origin, filters), made));
	}

	/** @param {JSONRPCRequest} notification */
	send(notification) {
		return outcome(this.manager.send(notification));
	}

	/**
	 * @param {string | number} id
	 * @param {'closed' | 'cancelled'} [reason]
	 * @param {string} [origin]
	 */
	close(id, reason = 'closed', origin = 'origin') {
		return outcome(this.manager.close(id, origin, reason));
	}

	/** @param {[origin?: string, reason?: 'closed' | 'cancelled']} args */
	closeAll(...args) {
		return outcome(this.manager.closeAll(...args));
	}

	/**
	 * The calls of each that was made of a name here, oldest first; of one that was refused there are none. A `send` stands
	 * there as `params.n` of what was sent.
	 *
	 * @param {string | number} id
	 * @param {string} [origin]
	 */
	calls(id, origin = 'origin') {
		return (this.#made.get(nameOf(id, origin)) ?? []).map(({ calls }) => [...calls]);
	}

	/**
	 * The notifications that the newest of that name has got.
	 *
	 * @param {string | number} id
	 * @param {string} [origin]
	 */
	got(id, origin = 'origin') {
		return this.#newest(id, origin).sent;
	}

	/**
	 * Settles when a callback of the newest of that name has been called so often.
	 *
	 * @param {Callback} callback
	 * @param {number} times
	 * @param {string | number} id
	 * @param {string} [origin]
	 */
	called(callback, times, id, origin = 'origin') {
		return this.#newest(id, origin).called(callback, times);
	}

	/**
	 * Has a callback that waits answer: the call that has waited longest.
	 *
	 * @param {string | number} id
	 * @param {string} [origin]
	 */
	release(id, origin = 'origin') {
		this.#newest(id, origin).waiting.shift()?.resolve();
	}

	/**
	 * Likewise, with an error.
	 *
	 * @param {string} message
	 * @param {string | number} id
	 * @param {string} [origin]
	 */
	fail(message, id, origin = 'origin') {
		this.#newest(id, origin)
			.waiting.shift()
			?.reject(Object.assign(new RangeError(message), { code: 'E_TEST' }));
	}

	/** @param {WorkloadOptions} options */
	prepareWorkload(options) {
		this.own.workload = new SubscriptionWorkload(this.manager, options);
		return this.own.workload.prepare();
	}

	runWorkload() {
		return this.own.workload.run();
	}

	workloadReport() {
		return this.own.workload.report();
	}

	/**
	 * @param {string | number} id
	 * @param {string} origin
	 */
	#newest(id, origin) {
		const made = this.#made.get(nameOf(id, origin))?.at(-1);
		if (made === undefined) throw new Error(`nothing was made of ${nameOf(id, origin)}`);
		return made;
	}
}

/** Callbacks that remember their calls. */
class Registered {
	/** @type {unknown[]} */
	calls = [];
	/** @type {JSONRPCRequest[]} */
	sent = [];
	/** @type {ReturnType<typeof deferred>[]} */
	waiting = [];
	/** @type {Record<Callback, number>} */
	#counts = { acknowledge: 0, send: 0, close: 0 };
	/** @type {(() => void)[]} */
	#watchers = [];
	#waits;

	/** @param {Callback[]} waits */
	constructor(waits) {
		this.#waits = waits;
	}

	acknowledge() {
		return this.#call('acknowledge', 'acknowledge');
	}

	/** @param {JSONRPCRequest} notification */
	send(notification) {
		this.sent.push(notification);
		return this.#call('send', notification.params?.n);
	}

	/** @param {string} reason */
	close(reason) {
		return this.#call('close', `close: ${reason}`);
	}

	/**
	 * @param {Callback} callback
	 * @param {number} times
	 */
	async called(callback, times) {
		while (this.#counts[callback] < times) {
			await /** @type {Promise<void>} */ (new Promise((resolve) => this.#watchers.push(resolve)));
		}
	}

	/**
	 * @param {Callback} callback
	 * @param {unknown} call
	 */
	#call(callback, call) {
		this.calls.push(call);
		this.#counts[callback]++;
		for (const watcher of this.#watchers.splice(0)) watcher();
		if (!this.#waits.includes(callback)) return undefined;
		const answer = deferred();
		this.waiting.push(answer);
		return answer.promise;
	}
}

/**
 * @param {string | number} id
 * @param {string} origin
 */
function nameOf(id, origin) {
	return JSON.stringify([origin, typeof id, String(id)]);
}

/**
 * A driver in another thread.
 *
 * @param {Thread} thread
 * @param {any} [options]
 * @returns {Promise<SubscriptionDriverProxy>}
 */
export async function driveSubscriptionsIn(thread, options) {
	// The driver's own manager, of no scope, is not used.
	const streams = await thread.open();
	await streams.run((/** @type {any} */ { own, tools }, options) => {
		own.driver = new tools.SubscriptionDriver(options);
	}, options);
	return {
		thread: streams,
		do: (command, ...args) =>
			streams.run(({ own }, command, ...args) => own.driver[command](...args), command, ...args),
		run: (what, ...args) =>
			streams.run(
				// biome-ignore format: it is read as text
				({ own }, what, ...args) => Function(`return (${what})`)()(own.driver, ...args),
				what.toString(),
				...args,
			),
	};
}

/**
 * A driver in this thread.
 *
 * @param {any} [options]
 * @param {InMemorySubscriptionManager} [manager] in place of one of these options
 * @returns {SubscriptionDriverProxy & { driver: SubscriptionDriver, manager: InMemorySubscriptionManager }}
 */
export function driveSubscriptionsHere(options, manager) {
	const driver = new SubscriptionDriver(options, manager);
	return {
		driver,
		manager: driver.manager,
		thread: /** @type {any} */ (undefined),
		do: async (command, ...args) => /** @type {any} */ (driver)[command](...args),
		run: async (what, ...args) => what(driver, ...args),
	};
}
