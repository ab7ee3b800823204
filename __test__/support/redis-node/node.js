// Nodes of a test: processes of their own, which are told what to do and say what has come to them.

import { fork } from 'node:child_process';
import { setImmediate as turn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { Calls } from './calls.js';

/** @import { NodeManagers } from './node-managers.js' */

/**
 * The managers of one Redis and prefix in some thread of a node.
 *
 * @typedef {object} NodeManagersProxy
 * @property {(command: keyof NodeManagers, ...args: any[]) => Promise<any>} do performs a method of {@link NodeManagers} there
 * @property {(what: (member: NodeManagers, ...args: any[]) => any, ...args: any[]) => Promise<any>} run runs a function there, which
 *   must use nothing from around it
 * @property {() => Promise<void>} forget drops it, without telling its managers
 */

const program = fileURLToPath(new URL('node-program.js', import.meta.url));

let prefixes = 0;

/** A prefix that nobody has had yet. */
export function newPrefix() {
	return `test-${process.pid}-${++prefixes}`;
}

/** A process of its own. */
export class Node {
	#child;
	#calls;
	#threads = 0;
	#members = 0;
	/** What it has printed. */
	output = '';
	/** Settles when it has ended. @type {Promise<{ code: number | null, signal: string | null }>} */
	ended;

	/** @param {Record<string, string>} [env] */
	constructor(env = {}) {
		// So that whatever a string can be comes over as it is.
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
	 * Makes managers in its main thread.
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
			/** Has it do nothing, not even take what comes for it. */
			block: () => this.#calls.do('block', number),
			/** Settles with the stats of its stream managers, as they were before it took anything. */
			release: () => this.#calls.do('release', number),
			/** Settles with its exit code when it has ended. @param {'terminate' | 'exit' | 'throw'} how */
			end: (how) => this.#calls.do('end', number, how),
		};
	}

	/** Stops it where it is (SIGSTOP). */
	pause() {
		this.#child.kill('SIGSTOP');
	}

	resume() {
		this.#child.kill('SIGCONT');
	}

	/** Ends it at once (SIGKILL). */
	async kill() {
		this.#child.kill('SIGKILL');
		return this.ended;
	}

	/**
	 * @param {any[]} way of an order to the thread
	 * @param {string} url
	 * @param {any} options
	 * @returns {Promise<NodeManagersProxy>}
	 */
	async #open(way, url, options) {
		const member = ++this.#members;
		await this.#calls.do(...way, 'open', member, url, options);
		return {
			do: (command, ...args) => this.#calls.do(...way, 'at', member, command, ...args),
			run: (what, ...args) => this.#calls.do(...way, 'at', member, 'run', what.toString(), ...args),
			forget: () => this.#calls.do(...way, 'forget', member),
		};
	}
}

/**
 * Settles when something is so that no event tells of.
 *
 * @param {() => unknown} condition
 */
export async function until(condition) {
	while (!(await condition())) await turn();
}
