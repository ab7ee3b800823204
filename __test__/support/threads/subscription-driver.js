// A subscription manager of one thread and its registrations, driven by the commands of a test. The main thread has a driver
// too, so that a test can treat all threads alike.

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
 * @property {Callback[]} [waits] callbacks that settle on `release` or `fail`
 */

/**
 * A subscription driver, in this thread or in a worker.
 *
 * @typedef {object} SubscriptionDriverProxy
 * @property {(command: keyof SubscriptionDriver, ...args: any[]) => Promise<any>} do calls a method of {@link SubscriptionDriver} in its thread
 * @property {(what: (driver: SubscriptionDriver, ...args: any[]) => any, ...args: any[]) => Promise<any>} run runs a function
 *   in its thread. The function must not use anything from its scope
 * @property {StreamDriverProxy} thread the stream driver of the same thread
 */

export class SubscriptionDriver {
	/** The registrations of each name, oldest first. @type {Map<string, RecordingCallbacks[]>} */
	#made = new Map();
	/** For the functions that a test runs here. */
	tools = { InMemorySubscriptionManager, outcome, parentPort, runInNewContext };
	/** State that a test keeps from one `run` to the next. @type {Record<string, any>} */
	own = {};

	/**
	 * @param {any} [options]
	 * @param {InMemorySubscriptionManager} [manager] used instead of a new manager with these options
	 */
	constructor(options, manager = new InMemorySubscriptionManager(options)) {
		this.manager = manager;
	}

	/**
	 * @param {string | number} id
	 * @param {How} [how]
	 */
	create(id, { origin = 'origin', filters = { toolsListChanged: true }, waits = [] } = {}) {
		const made = new RecordingCallbacks(waits);
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
	 * Returns the calls of each registration of a name, oldest first. A refused registration has no calls. A `send` is recorded as
	 * `params.n` of the notification.
	 *
	 * @param {string | number} id
	 * @param {string} [origin]
	 */
	calls(id, origin = 'origin') {
		return (this.#made.get(nameOf(id, origin)) ?? []).map(({ calls }) => [...calls]);
	}

	/**
	 * Returns the notifications that the newest registration of a name has received.
	 *
	 * @param {string | number} id
	 * @param {string} [origin]
	 */
	got(id, origin = 'origin') {
		return this.#newest(id, origin).sent;
	}

	/**
	 * Resolves when a callback of the newest registration of a name was called `times` times.
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
	 * Resolves the oldest waiting callback of the newest registration of a name.
	 *
	 * @param {string | number} id
	 * @param {string} [origin]
	 */
	release(id, origin = 'origin') {
		this.#newest(id, origin).waiting.shift()?.resolve();
	}

	/**
	 * Rejects the oldest waiting callback of the newest registration of a name.
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
		if (made === undefined) throw new Error(`there is no registration ${nameOf(id, origin)}`);
		return made;
	}
}

/** Callbacks that record their calls. */
class RecordingCallbacks {
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
		const pending = deferred();
		this.waiting.push(pending);
		return pending.promise;
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
 * Creates a subscription driver in another thread.
 *
 * @param {Thread} thread
 * @param {any} [options]
 * @returns {Promise<SubscriptionDriverProxy>}
 */
export async function driveSubscriptionsIn(thread, options) {
	// The stream manager of this driver has no scope, and is not used.
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
				// biome-ignore format: the function is sent as text
				({ own }, what, ...args) => Function(`return (${what})`)()(own.driver, ...args),
				what.toString(),
				...args,
			),
	};
}

/**
 * Creates a subscription driver in this thread.
 *
 * @param {any} [options]
 * @param {InMemorySubscriptionManager} [manager] used instead of a new manager with these options
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
