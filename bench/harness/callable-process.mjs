// A process that performs calls, one message each. The first part is for the process that starts it, the second for itself.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';

const MAX_WAIT_MS = 60_000;

export class CallableProcess {
	#child;
	#calls = 0;
	/** Calls without a reply, by number. @type {Map<number, { resolve: (result: any) => void, reject: (error: Error) => void }>} */
	#pending = new Map();

	/**
	 * @param {URL} module
	 * @param {unknown[]} args as JSON
	 */
	constructor(module, args) {
		this.name = basename(fileURLToPath(module));
		this.#child = fork(
			fileURLToPath(module),
			args.map((arg) => JSON.stringify(arg)),
		);
		this.#child.on('message', (/** @type {any} */ { id, error, result }) => {
			const pending = this.#pending.get(id);
			this.#pending.delete(id);
			if (error === undefined) pending?.resolve(result);
			else pending?.reject(new Error(`${this.name}: ${error}`));
		});
		/** Resolves when the process has ended. */
		this.ended = once(this.#child, 'exit').then(([code, signal]) => {
			const error = new Error(`${this.name} ended with ${signal ?? `exit code ${code}`}`);
			for (const { reject } of this.#pending.values()) reject(error);
			this.#pending.clear();
		});
	}

	get pid() {
		return /** @type {number} */ (this.#child.pid);
	}

	/**
	 * @param {string} method
	 * @param {unknown} [argument]
	 * @returns {Promise<any>}
	 */
	call(method, argument) {
		const id = ++this.#calls;
		return new Promise((resolve, reject) => {
			// A lost message would keep the benchmark waiting forever.
			const watchdog = setTimeout(() => {
				reject(new Error(`${this.name}: no reply to ${method} in ${MAX_WAIT_MS / 1_000} s`));
			}, MAX_WAIT_MS);
			/** @type {<Value>(settle: (value: Value) => void) => (value: Value) => void} */
			const clearing = (settle) => (value) => {
				clearTimeout(watchdog);
				settle(value);
			};
			this.#pending.set(id, { resolve: clearing(resolve), reject: clearing(reject) });
			this.#child.send({ id, method, argument });
		});
	}

	/** Ends the process, and resolves when it has ended. */
	async stop() {
		if (this.#child.connected) this.#child.disconnect();
		await this.ended;
	}
}

/** Returns the arguments of this process. @returns {any[]} */
export function readArguments() {
	return process.argv.slice(2).map((arg) => JSON.parse(arg));
}

/**
 * Performs the calls of the process that has started this one, and ends when that one does not need it any more.
 *
 * @param {Record<string, (argument: any) => unknown>} methods
 */
export function answerCalls(methods) {
	process.on('message', async (/** @type {any} */ { id, method, argument }) => {
		try {
			process.send?.({ id, result: await methods[method](argument) });
		} catch (error) {
			process.send?.({ id, error: String(/** @type {Error} */ (error).stack) });
		}
	});
	process.on('disconnect', () => process.exit());
}
