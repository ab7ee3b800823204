// Threads with an info manager and a stream manager of a scope, driven by the commands of a test. The main thread has managers
// too, so that a test can treat all threads alike.

import { Worker } from 'node:worker_threads';

import { InMemoryInfoSessionManager, InMemoryStreamSessionManager } from '@tmcp-native/session-manager';

/** @typedef {InstanceType<typeof InMemoryInfoSessionManager>} InfoManager */
/** @typedef {'throw' | 'exit' | 'terminate' | 'nothing left'} End */

let scopes = 0;

/** Returns a new scope name. */
export function newScope() {
	return `info ${process.pid} ${++scopes}`;
}

/** The managers of one thread in a scope. */
export class Managers {
	#info;
	#streams;

	/** @param {any} options options of the info manager */
	constructor(options) {
		this.#streams = new InMemoryStreamSessionManager({ scope: options.scope });
		this.#info = new InMemoryInfoSessionManager(options);
	}

	/**
	 * @param {keyof InfoManager} method
	 * @param {any[]} args
	 */
	async info(method, ...args) {
		return /** @type {any} */ (this.#info)[method](...args);
	}

	/** @param {string} id */
	async createStream(id) {
		this.#streams.create(id, { enqueue() {}, close() {} });
	}

	/** @param {string} id */
	async deleteStream(id) {
		this.#streams.delete(id);
	}
}

/** A worker thread with the methods of {@link Managers}, after a call of `open`. */
export class Thread {
	#worker = new Worker(new URL('../../programs/info-thread.js', import.meta.url));
	/** @type {Map<number, { resolve: (value: any) => void, reject: (error: Error) => void }>} */
	#calls = new Map();
	#called = 0;
	/** Resolves when the thread has ended. */
	ended = new Promise((resolve) => this.#worker.once('exit', resolve));

	constructor() {
		this.#worker.on('message', ({ call, value, error }) => {
			const pending = this.#calls.get(call);
			this.#calls.delete(call);
			if (error) pending?.reject(Object.assign(new Error(error.message), error));
			else pending?.resolve(value);
		});
		// The `throw` end causes an error on purpose.
		this.#worker.on('error', () => {});
		this.#worker.on('exit', () => {
			for (const { reject } of this.#calls.values()) reject(new Error('the thread has ended'));
			this.#calls.clear();
		});
	}

	/** @param {any} options options of the info manager */
	open(options) {
		return this.#call('open', options);
	}

	/**
	 * @param {keyof InfoManager} method
	 * @param {any[]} args
	 */
	info(method, ...args) {
		return this.#call('info', method, ...args);
	}

	/** @param {string} id */
	createStream(id) {
		return this.#call('createStream', id);
	}

	/** @param {string} id */
	deleteStream(id) {
		return this.#call('deleteStream', id);
	}

	/** @param {End} how */
	async end(how) {
		if (how === 'terminate') await this.#worker.terminate();
		// The thread may end before it has answered.
		else this.#call('end', how).catch(() => {});
		await this.ended;
	}

	/**
	 * @param {string} command
	 * @param {any[]} args
	 * @returns {Promise<any>}
	 */
	#call(command, ...args) {
		const call = ++this.#called;
		return new Promise((resolve, reject) => {
			this.#calls.set(call, { resolve, reject });
			this.#worker.postMessage({ call, command, args });
		});
	}
}

/** Returns a promise and the function that resolves it. */
export function deferred() {
	/** @type {(value?: any) => void} */
	let resolve = () => {};
	const promise = new Promise((settle) => {
		resolve = settle;
	});
	return { promise, resolve };
}
