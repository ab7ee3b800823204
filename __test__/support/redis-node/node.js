// Nodes of a test: child processes that run commands and report what they have received.

import { fileURLToPath } from 'node:url';

import { CalledProcess } from './called-process.js';

/** @import { NodeManagers } from './node-managers.js' */

/**
 * The managers of one Redis server and prefix in one thread of a node.
 *
 * @typedef {object} NodeManagersProxy
 * @property {(command: keyof NodeManagers, ...args: any[]) => Promise<any>} do calls a method of {@link NodeManagers} in its thread
 * @property {(what: (member: NodeManagers, ...args: any[]) => any, ...args: any[]) => Promise<any>} run runs a function there, which
 *   must not use anything from its scope
 * @property {() => Promise<void>} forget drops the managers without closing them
 */

const program = fileURLToPath(new URL('node-program.js', import.meta.url));

let prefixes = 0;

/** Returns a new prefix. */
export function newPrefix() {
	return `test-${process.pid}-${++prefixes}`;
}

/** A node in a child process. */
export class Node extends CalledProcess {
	#threads = 0;
	#members = 0;

	/** @param {Record<string, string>} [env] */
	constructor(env = {}) {
		// JSON would not carry lone surrogates and other values unchanged.
		super('the node', program, [], { serialization: 'advanced', env: { ...process.env, ...env } });
	}

	/**
	 * Creates managers in its main thread.
	 *
	 * @param {string} url
	 * @param {any} [options]
	 */
	open(url, options) {
		return this.#open([], url, options);
	}

	/** Starts a worker thread. */
	async thread() {
		const number = ++this.#threads;
		await this.do('thread', number);
		return {
			/** @param {string} url @param {any} [options] */
			open: (url, options) => this.#open(['in', number], url, options),
			/** Blocks the thread: it does not drain its mailbox. */
			block: () => this.do('block', number),
			/** Resolves with the stats of its stream managers, from before it drained its mailbox. */
			release: () => this.do('release', number),
			/** Resolves with the exit code when the thread has ended. @param {'terminate' | 'exit' | 'throw'} how */
			end: (how) => this.do('end', number, how),
		};
	}

	/** Pauses the process (SIGSTOP). */
	pause() {
		this.child.kill('SIGSTOP');
	}

	resume() {
		this.child.kill('SIGCONT');
	}

	/**
	 * @param {any[]} route prefix of a command to the thread
	 * @param {string} url
	 * @param {any} options
	 * @returns {Promise<NodeManagersProxy>}
	 */
	async #open(route, url, options) {
		const member = ++this.#members;
		await this.do(...route, 'open', member, url, options);
		return {
			do: (command, ...args) => this.do(...route, 'at', member, command, ...args),
			run: (what, ...args) => this.do(...route, 'at', member, 'run', what.toString(), ...args),
			forget: () => this.do(...route, 'forget', member),
		};
	}
}
