// The threads of a test. A test sends each worker commands, and each command is answered when it is done.

import { Worker } from 'node:worker_threads';

import { until } from '../until.js';
import { StreamDriver } from './stream-driver.js';

/**
 * A stream driver, in this thread or in a worker.
 *
 * @typedef {object} StreamDriverProxy
 * @property {(command: keyof StreamDriver | 'leave', ...args: any[]) => Promise<any>} do calls a method of {@link StreamDriver} in its thread
 * @property {(what: (driver: StreamDriver, ...args: any[]) => any, ...args: any[]) => Promise<any>} run runs a function in its thread.
 *   The function must not use anything from its scope
 */

/** @type {Set<Int32Array>} */
const blocked = new Set();

let drivers = 0;
let scopes = 0;

/** Returns a new scope name. */
export function newScope() {
	return `scope ${process.pid} ${++scopes}`;
}

/** A worker thread that runs the commands of a test. */
export class Thread {
	#worker = new Worker(new URL('../../programs/driven-thread.js', import.meta.url));
	/** @type {Map<number, { resolve: (value: unknown) => void, reject: (error: Error) => void }>} */
	#calls = new Map();
	#called = 0;
	/** Resolves with the exit code when the thread has ended. @type {Promise<number>} */
	ended = new Promise((resolve) => this.#worker.once('exit', resolve));

	constructor() {
		this.#worker.on('message', ({ call, value, error }) => {
			const pending = this.#calls.get(call);
			this.#calls.delete(call);
			if (error) pending?.reject(Object.assign(new Error(error.message), error));
			else pending?.resolve(value);
		});
		this.#worker.on('error', (error) => this.#fail(error));
		this.#worker.on('exit', (code) => this.#fail(new Error(`the thread ended with code ${code}`)));
	}

	/**
	 * Creates a driver, with a manager, in this thread.
	 *
	 * @param {any} [options]
	 * @returns {Promise<StreamDriverProxy>}
	 */
	async open(options) {
		const driver = ++drivers;
		await this.#call(driver, 'open', [options]);
		return {
			do: (command, ...args) => this.#call(driver, command, args),
			run: (what, ...args) => this.#call(driver, 'run', [what.toString(), ...args]),
		};
	}

	terminate() {
		return this.#worker.terminate();
	}

	/**
	 * @param {number} driver
	 * @param {string} command
	 * @param {unknown[]} args
	 */
	#call(driver, command, args) {
		const call = ++this.#called;
		return new Promise((resolve, reject) => {
			this.#calls.set(call, { resolve, reject });
			this.#worker.postMessage({ call, driver, command, args });
		});
	}

	/** @param {Error} error */
	#fail(error) {
		for (const { reject } of this.#calls.values()) reject(error);
		this.#calls.clear();
	}
}

/**
 * Returns the proxy of a driver in the calling thread.
 *
 * @param {StreamDriver} driver
 * @returns {StreamDriverProxy & { driver: StreamDriver }}
 */
export function localProxy(driver) {
	return {
		driver,
		do: async (command, ...args) => /** @type {any} */ (driver)[command]?.(...args),
		run: async (what, ...args) => what(driver, ...args),
	};
}

/**
 * @param {any} [options]
 */
export function openHere(options) {
	return localProxy(StreamDriver.open(options));
}

/**
 * Blocks a thread until it is released: it does not drain its mailbox. Resolves when the thread is blocked.
 *
 * @param {StreamDriverProxy} thread
 * @returns {Promise<{ release: () => Promise<void> }>} `release` resolves when the thread continues
 */
export async function block(thread) {
	const flags = new Int32Array(new SharedArrayBuffer(8));
	const done = thread.run((_, flags) => {
		Atomics.store(flags, 1, 1);
		Atomics.wait(flags, 0, 0);
	}, flags);
	// A thread may be terminated while it is blocked.
	done.catch(() => {});
	blocked.add(flags);
	await until(() => Atomics.load(flags, 1) === 1);
	return {
		release: () => {
			release(flags);
			return done;
		},
	};
}

/** Releases the threads that a failed test has left blocked. */
export function releaseAll() {
	for (const flags of blocked) release(flags);
}

/** @param {Int32Array} flags */
function release(flags) {
	blocked.delete(flags);
	Atomics.store(flags, 0, 1);
	Atomics.notify(flags, 0);
}
