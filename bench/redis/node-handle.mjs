// A node of the benchmark, as the main process controls it.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** @typedef {import('./implementations.mjs').NodeKind} NodeKind */

/**
 * @typedef {object} ProcessOptions
 * @property {number} [nodes] number of nodes in the process, default 1
 * @property {string} [folder] of the package at an earlier commit, for `before`
 */

const FILE = fileURLToPath(new URL('./node-process.mjs', import.meta.url));
const MAX_WAIT_MS = 60_000;

/** A process with one node or more, which performs calls (node-process.mjs). */
export class NodeHandle {
	#child;
	#calls = 0;
	/** Calls without a reply, by number. @type {Map<number, { resolve: (result: any) => void, reject: (error: Error) => void }>} */
	#pending = new Map();
	#stderr = '';

	/**
	 * @param {NodeKind} kind
	 * @param {string} url of Redis
	 * @param {ProcessOptions} [options]
	 */
	constructor(kind, url, { nodes = 1, folder = '' } = {}) {
		this.kind = kind;
		this.#child = fork(FILE, [kind, url, String(nodes), folder], {
			serialization: 'advanced',
			stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
		});
		this.#child.stderr?.setEncoding('utf8').on('data', (text) => {
			this.#stderr += text;
		});
		this.#child.on('message', (/** @type {any} */ { id, error, result }) => {
			const pending = this.#pending.get(id);
			this.#pending.delete(id);
			if (error === undefined) pending?.resolve(result);
			else pending?.reject(new Error(`${kind}: ${error}`));
		});
		// Not the child's `close` event, which is not emitted after `disconnect`.
		const ended = Promise.all([once(this.#child, 'exit'), once(/** @type {any} */ (this.#child.stderr), 'close')]);
		/** Resolves when the process has ended. */
		this.ended = ended.then(([[code, signal]]) => {
			const error = new Error(`the process of ${kind} ended with ${signal ?? `exit code ${code}`}: ${this.#stderr}`);
			for (const { reject } of this.#pending.values()) reject(error);
			this.#pending.clear();
			return { code, signal, stderr: this.#stderr };
		});
	}

	/**
	 * Starts a process, and resolves when it has loaded its packages.
	 *
	 * @param {NodeKind} kind
	 * @param {string} url of Redis
	 * @param {ProcessOptions} [options]
	 */
	static async start(kind, url, options) {
		const node = new NodeHandle(kind, url, options);
		await Promise.race([once(node.#child, 'message'), node.ended.then(({ stderr }) => Promise.reject(stderr))]);
		return node;
	}

	/**
	 * @param {string} method of node-process.mjs
	 * @param {unknown} [argument]
	 * @returns {Promise<any>}
	 */
	async call(method, argument) {
		const id = ++this.#calls;
		const reply = new Promise((resolve, reject) => this.#pending.set(id, { resolve, reject }));
		// A lost message would keep the benchmark waiting forever.
		const watchdog = setTimeout(() => {
			const error = new Error(`${this.kind}: no reply to ${method}, so a message was lost: ${this.#stderr}`);
			this.#pending.get(id)?.reject(error);
		}, MAX_WAIT_MS);
		try {
			if (this.#child.connected) this.#child.send({ id, method, argument });
			else throw new Error(`the process of ${this.kind} has ended: ${this.#stderr}`);
			return await reply;
		} finally {
			clearTimeout(watchdog);
		}
	}

	/** Suspends the process (SIGSTOP). */
	pause() {
		this.#child.kill('SIGSTOP');
	}

	resume() {
		this.#child.kill('SIGCONT');
	}

	/** Ends the process, and resolves when it has ended. */
	async stop() {
		this.resume();
		if (this.#child.connected) this.#child.disconnect();
		return this.ended;
	}
}
