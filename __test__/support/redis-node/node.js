// Nodes of a test: child processes that run commands and report what they have received.

import { fork } from 'node:child_process';
import { setImmediate as turn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { Calls } from './calls.js';

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
export class Node {
	#child;
	#calls;
	#threads = 0;
	#members = 0;
	/** The output of the process. */
	output = '';
	/** Resolves when the process has ended. @type {Promise<{ code: number | null, signal: string | null }>} */
	ended;

	/** @param {Record<string, string>} [env] */
	constructor(env = {}) {
		// JSON would not carry lone surrogates and other values unchanged.
		const serialization = 'advanced';
		const child = fork(program, [], { serialization, env: { ...process.env, ...env }, silent: true });
		this.#child = child;
		this.#calls = new Calls((message) => child.send(message, (error) => error && this.#calls.end(error)));
		child.on('message', (message) => this.#calls.answered(message));
		for (const stream of [child.stdout, child.stderr]) {
			stream?.setEncoding('utf8').on('data', (text) => {
				this.output += text;
			});
		}
		this.ended = new Promise((resolve) => {
			child.once('close', (code, signal) => {
				this.#calls.end(new Error(`the node ended with ${code ?? signal}:\n${this.output}`));
				resolve({ code, signal });
			});
		});
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
		await this.#calls.do('thread', number);
		return {
			/** @param {string} url @param {any} [options] */
			open: (url, options) => this.#open(['in', number], url, options),
			/** Blocks the thread: it does not drain its mailbox. */
			block: () => this.#calls.do('block', number),
			/** Resolves with the stats of its stream managers, from before it drained its mailbox. */
			release: () => this.#calls.do('release', number),
			/** Resolves with the exit code when the thread has ended. @param {'terminate' | 'exit' | 'throw'} how */
			end: (how) => this.#calls.do('end', number, how),
		};
	}

	/** Pauses the process (SIGSTOP). */
	pause() {
		this.#child.kill('SIGSTOP');
	}

	resume() {
		this.#child.kill('SIGCONT');
	}

	/** Kills the process (SIGKILL). */
	async kill() {
		this.#child.kill('SIGKILL');
		return this.ended;
	}

	/**
	 * @param {any[]} route prefix of a command to the thread
	 * @param {string} url
	 * @param {any} options
	 * @returns {Promise<NodeManagersProxy>}
	 */
	async #open(route, url, options) {
		const member = ++this.#members;
		await this.#calls.do(...route, 'open', member, url, options);
		return {
			do: (command, ...args) => this.#calls.do(...route, 'at', member, command, ...args),
			run: (what, ...args) => this.#calls.do(...route, 'at', member, 'run', what.toString(), ...args),
			forget: () => this.#calls.do(...route, 'forget', member),
		};
	}
}

/**
 * Resolves when a condition is true that no event reports.
 *
 * @param {() => unknown} condition
 */
export async function until(condition) {
	while (!(await condition())) await turn();
}
