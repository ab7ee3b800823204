// A sandbox to compare subscription managers. Its callbacks return, throw, or settle later, and call the manager themselves.
// Its log has every call, every result, and when each promise settles.

import { setImmediate as turn } from 'node:timers/promises';

export const ORIGINS = ['one', 'two', '', '__proto__'];

/** Few ids, so that operations often use the same one, and many of them similar. */
export const IDS = [1, '1', 2, '2', 0, -0, '0', '', NaN, 'NaN', 'x'.repeat(200)];

export const URIS = ['file:///a', 'file:///A', 'file:///a/', '', 'ü\ud83d', 'x'.repeat(200)];

/** Each `send` creates a new object from these. @type {[method: string, params?: unknown][]} */
export const NOTIFICATIONS = [
	['notifications/tools/list_changed'],
	['notifications/prompts/list_changed'],
	['notifications/resources/list_changed'],
	...URIS.map((uri) => /** @type {[string, unknown]} */ (['notifications/resources/updated', { uri }])),
	['notifications/resources/updated'],
	['notifications/resources/updated', null],
	['notifications/resources/updated', 'file:///a'],
	['notifications/resources/updated', { uri: 1 }],
	['notifications/message', { uri: 'file:///a' }],
	['toString'],
];

/**
 * The results of callbacks. `wait` is a promise that a `release` operation settles. `follow` is the promise of the last call in
 * the callback's script.
 */
export const RESULTS = /** @type {const} */ (['return', 'resolve', 'thenable', 'throw', 'reject', 'wait', 'follow']);

/**
 * @typedef {{ do: 'create', origin: string, id: string | number, filters: any, acknowledge: Behavior, send: Behavior[], close: Behavior }} Create
 * @typedef {{ do: 'send', notification: number } | { do: 'close', origin: string, id: unknown, reason: any } | { do: 'closeAll', args: any[] }} Plain
 * @typedef {{ result: typeof RESULTS[number], script: (Plain | Create)[] }} Behavior the script runs on the first call only
 * @typedef {{ do: 'release', which: number, fails: boolean }} Release
 * @typedef {Create | Plain | Release | { do: 'microtask' | 'turn' | 'nothing' }} Operation
 */

export class SubscriptionSandbox {
	/** @type {unknown[]} */
	log = [];
	/** Results of callbacks that are still pending. @type {{ name: string, resolve: () => void, reject: (error: Error) => void }[]} */
	#waiting = [];
	/** Notifications and errors. The log identifies each by its index. @type {unknown[]} */
	#objects = [];
	#calls = 0;
	#registrations = 0;

	/** @param {any} manager */
	constructor(manager) {
		this.manager = manager;
		// The log also has the calls that `closeAll` makes.
		const close = manager.close.bind(manager);
		manager.close = (/** @type {unknown[]} */ ...args) => {
			this.log.push(['close', ...args]);
			return close(...args);
		};
	}

	/**
	 * @param {Operation} operation
	 * @returns {Promise<void> | undefined} a promise if the next operation has to wait
	 */
	perform(operation) {
		switch (operation.do) {
			case 'nothing':
				return;
			case 'turn':
				return turn();
			case 'microtask':
				return Promise.resolve();
			case 'release':
				this.#release(operation.which, operation.fails);
				return;
			default:
				this.#call(operation);
		}
	}

	/** Settles all results, closes all registrations, sends each notification once more, and returns the log. */
	async finish() {
		await this.#drain();
		this.#call({ do: 'closeAll', args: [] });
		await this.#drain();
		for (let notification = 0; notification < NOTIFICATIONS.length; notification++) {
			this.#call({ do: 'send', notification });
		}
		await this.#drain();
		return this.log;
	}

	async #drain() {
		do {
			this.log.push('drain');
			while (this.#waiting.length > 0) this.#release(0, false);
			await turn();
		} while (this.#waiting.length > 0);
	}

	/** @param {Create | Plain} operation */
	#call(operation) {
		const call = `call ${this.#calls++}`;
		this.log.push([call, operation.do]);
		/** @type {Promise<unknown>} */
		let result;
		try {
			result = this.#invoke(operation);
		} catch (error) {
			this.log.push([call, 'threw', String(error)]);
			return;
		}
		this.log.push([call, 'returned', result instanceof Promise]);
		result.then(
			(value) => this.log.push([call, 'resolved', value]),
			(error) => this.log.push([call, 'rejected', this.#describe(error)]),
		);
		return result;
	}

	/** @param {Create | Plain} operation */
	#invoke(operation) {
		switch (operation.do) {
			case 'create': {
				const { origin, id, filters } = operation;
				return this.manager.create({ origin, id, filters }, this.#callbacks(operation));
			}
			case 'send': {
				const [method, params] = NOTIFICATIONS[operation.notification];
				return this.manager.send(this.#remember({ jsonrpc: '2.0', method, params }));
			}
			case 'close':
				return this.manager.close(operation.id, operation.origin, operation.reason);
			case 'closeAll':
				return this.manager.closeAll(...operation.args);
		}
	}

	/** @param {Create} create */
	#callbacks({ acknowledge, send, close }) {
		const registration = this.#registrations++;
		/** @type {Set<Behavior>} */
		const ran = new Set();
		let sent = 0;
		const sandbox = this;
		/**
		 * @param {string} callback
		 * @param {() => Behavior} next
		 */
		const recorded = (callback, next) => {
			/** @this {unknown} @param {unknown[]} args */
			return function (...args) {
				const name = `${callback} of ${registration}`;
				sandbox.log.push([name, ...args.map((arg) => sandbox.#describe(arg)), this === callbacks]);
				const behavior = next();
				/** @type {unknown} */
				let last;
				if (!ran.has(behavior)) {
					ran.add(behavior);
					for (const operation of behavior.script) last = sandbox.#call(operation);
				}
				return sandbox.#result(name, behavior.result, last);
			};
		};
		const callbacks = {
			acknowledge: recorded('acknowledge', () => acknowledge),
			send: recorded('send', () => send[sent++ % send.length]),
			close: recorded('close', () => close),
		};
		return callbacks;
	}

	/**
	 * @param {string} name
	 * @param {typeof RESULTS[number]} result
	 * @param {unknown} last
	 */
	#result(name, result, last) {
		switch (result) {
			case 'return':
				return 'an ignored value';
			case 'resolve':
				return Promise.resolve('another ignored value');
			case 'thenable':
				// biome-ignore lint/suspicious/noThenProperty: a callback may return any thenable
				return { then: (/** @type {() => void} */ resolve) => resolve() };
			case 'throw':
				throw this.#remember(new Error('thrown'));
			case 'reject':
				return Promise.reject(this.#remember(new Error('rejected')));
			case 'wait':
				return new Promise((resolve, reject) => {
					this.#waiting.push({ name, resolve: () => resolve(undefined), reject });
				});
			case 'follow':
				return last;
		}
	}

	/**
	 * @param {number} which
	 * @param {boolean} fails
	 */
	#release(which, fails) {
		const [released] = this.#waiting.splice(which % (this.#waiting.length || 1), 1);
		if (released === undefined) return;
		this.log.push(['release', released.name]);
		if (fails) released.reject(this.#remember(new Error('released')));
		else released.resolve();
	}

	/**
	 * @template {object} Value
	 * @param {Value} object
	 */
	#remember(object) {
		this.#objects.push(object);
		return object;
	}

	/** @param {unknown} value */
	#describe(value) {
		const index = this.#objects.indexOf(value);
		if (index >= 0) return `object ${index}`;
		return value instanceof Error ? String(value) : value;
	}
}
