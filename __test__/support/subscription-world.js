// A small world to compare subscription managers in: callbacks that answer in every way, late too, and call back into the
// manager; and one log of every call, every answer and the moment at which each promise settles.

import { setImmediate as turn } from 'node:timers/promises';

export const ORIGINS = ['one', 'two', '', '__proto__'];

/** Few enough that operations meet, and many that look alike. */
export const IDS = [1, '1', 2, '2', 0, -0, '0', '', NaN, 'NaN', 'x'.repeat(200)];

export const URIS = ['file:///a', 'file:///A', 'file:///a/', '', 'ü\ud83d', 'x'.repeat(200)];

/** Each `send` makes an object of its own. @type {[method: string, params?: unknown][]} */
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

/** What a callback answers; with `wait` it answers when it is released, with `follow` as the last call of its script does. */
export const ANSWERS = /** @type {const} */ (['return', 'resolve', 'thenable', 'throw', 'reject', 'wait', 'follow']);

/**
 * @typedef {{ do: 'create', origin: string, id: string | number, filters: any, acknowledge: Behaviour, send: Behaviour[], close: Behaviour }} Create
 * @typedef {{ do: 'send', notification: number } | { do: 'close', origin: string, id: unknown, reason: any } | { do: 'closeAll', args: any[] }} Plain
 * @typedef {{ answer: typeof ANSWERS[number], script: (Plain | Create)[] }} Behaviour the script runs once, and then nothing
 * @typedef {{ do: 'release', which: number, fails: boolean }} Release
 * @typedef {Create | Plain | Release | { do: 'microtask' | 'turn' | 'nothing' }} Operation
 */

export class SubscriptionWorld {
	/** @type {unknown[]} */
	log = [];
	/** Answers that are waited for. @type {{ name: string, resolve: () => void, reject: (error: Error) => void }[]} */
	#waiting = [];
	/** What was sent, and what went wrong: each is known by its place. @type {unknown[]} */
	#things = [];
	#calls = 0;
	#registrations = 0;

	/** @param {any} manager */
	constructor(manager) {
		this.manager = manager;
		// What closeAll calls is seen as well.
		const close = manager.close.bind(manager);
		manager.close = (/** @type {unknown[]} */ ...args) => {
			this.log.push(['close', ...args]);
			return close(...args);
		};
	}

	/**
	 * @param {Operation} operation
	 * @returns {Promise<void> | undefined} what is to be waited for before the next one
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

	/** Lets everything come to its end, then closes what is left, and gives back the log. */
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
		let answer;
		try {
			answer = this.#promise(operation);
		} catch (error) {
			this.log.push([call, 'threw', String(error)]);
			return;
		}
		this.log.push([call, 'returned', answer instanceof Promise]);
		answer.then(
			(value) => this.log.push([call, 'resolved', value]),
			(error) => this.log.push([call, 'rejected', this.#known(error)]),
		);
		return answer;
	}

	/** @param {Create | Plain} operation */
	#promise(operation) {
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
		/** @type {Set<Behaviour>} */
		const ran = new Set();
		let sent = 0;
		const world = this;
		/**
		 * @param {string} callback
		 * @param {() => Behaviour} next
		 */
		const answering = (callback, next) => {
			/** @this {unknown} @param {unknown[]} args */
			return function (...args) {
				const name = `${callback} of ${registration}`;
				world.log.push([name, ...args.map((arg) => world.#known(arg)), this === callbacks]);
				const behaviour = next();
				/** @type {unknown} */
				let last;
				if (!ran.has(behaviour)) {
					ran.add(behaviour);
					for (const operation of behaviour.script) last = world.#call(operation);
				}
				return world.#answer(name, behaviour.answer, last);
			};
		};
		const callbacks = {
			acknowledge: answering('acknowledge', () => acknowledge),
			send: answering('send', () => send[sent++ % send.length]),
			close: answering('close', () => close),
		};
		return callbacks;
	}

	/**
	 * @param {string} name
	 * @param {typeof ANSWERS[number]} answer
	 * @param {unknown} last
	 */
	#answer(name, answer, last) {
		switch (answer) {
			case 'return':
				return 'nobody reads this';
			case 'resolve':
				return Promise.resolve('nor this');
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
	 * @template {object} Thing
	 * @param {Thing} thing
	 */
	#remember(thing) {
		this.#things.push(thing);
		return thing;
	}

	/** @param {unknown} value */
	#known(value) {
		const place = this.#things.indexOf(value);
		if (place >= 0) return `thing ${place}`;
		return value instanceof Error ? String(value) : value;
	}
}
