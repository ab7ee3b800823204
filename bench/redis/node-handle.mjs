// The nodes, as the benchmark sees them.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** @typedef {import('./implementations.mjs').Player} Player */

const FILE = fileURLToPath(new URL('./node-process.mjs', import.meta.url));
const LONGEST_WAIT_MS = 60_000;

/** A process with a manager of one side. */
export class Node {
	#child;
	#calls = 0;
	/** What is waited for, by the number of the call. @type {Map<number, { resolve: (result: any) => void, reject: (error: Error) => void }>} */
	#waiting = new Map();
	#errors = '';

	/**
	 * @param {Player} side
	 * @param {string} url of Redis
	 */
	constructor(side, url) {
		this.side = side;
		this.#child = fork(FILE, [side, url], { serialization: 'advanced', stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
		this.#child.stderr?.setEncoding('utf8').on('data', (text) => {
			this.#errors += text;
		});
		this.#child.on('message', (/** @type {any} */ { id, error, result }) => {
			const waiting = this.#waiting.get(id);
			this.#waiting.delete(id);
			if (error === undefined) waiting?.resolve(result);
			else waiting?.reject(new Error(`${side}: ${error}`));
		});
		// Not by `close`, which does not come where it is us who disconnect.
		const ended = Promise.all([once(this.#child, 'exit'), once(/** @type {any} */ (this.#child.stderr), 'close')]);
		/** Resolves to how it ended. */
		this.ended = ended.then(([[code, signal]]) => {
			const error = new Error(`the process of ${side} ended with ${signal ?? code}: ${this.#errors}`);
			for (const { reject } of this.#waiting.values()) reject(error);
			this.#waiting.clear();
			return { code, signal, errors: this.#errors };
		});
	}

	/**
	 * Resolves when it has loaded what it needs.
	 *
	 * @param {Player} side
	 * @param {string} url of Redis
	 */
	static async start(side, url) {
		const node = new Node(side, url);
		await Promise.race([once(node.#child, 'message'), node.ended.then(({ errors }) => Promise.reject(errors))]);
		return node;
	}

	/**
	 * @param {string} method of node.mjs
	 * @param {unknown} [argument]
	 * @returns {Promise<any>}
	 */
	async call(method, argument) {
		const id = ++this.#calls;
		const answered = new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
		// With a message lost, nothing else would ever end this.
		const watchdog = setTimeout(() => {
			this.#waiting
				.get(id)
				?.reject(new Error(`${this.side}: no answer to ${method}, so a message was lost: ${this.#errors}`));
		}, LONGEST_WAIT_MS);
		try {
			if (this.#child.connected) this.#child.send({ id, method, argument });
			else throw new Error(`the process of ${this.side} has ended: ${this.#errors}`);
			return await answered;
		} finally {
			clearTimeout(watchdog);
		}
	}

	/** Stops it where it stands, as a machine that is too busy does. */
	pause() {
		this.#child.kill('SIGSTOP');
	}

	resume() {
		this.#child.kill('SIGCONT');
	}

	/** Ends it; resolves when it has ended. */
	async stop() {
		this.resume();
		if (this.#child.connected) this.#child.disconnect();
		return this.ended;
	}
}
