// A child process that runs commands, as the test sees it.

import { fork } from 'node:child_process';

import { Calls } from './calls.js';

/** @import { ForkOptions } from 'node:child_process' */

export class CalledProcess {
	#calls;
	/** The output of the process. */
	output = '';
	/** Resolves when the process has ended. @type {Promise<{ code: number | null, signal: string | null }>} */
	ended;

	/**
	 * @param {string} name for errors
	 * @param {string} program runs the commands with `respondingTo` of calls.js
	 * @param {string[]} args
	 * @param {ForkOptions} options
	 */
	constructor(name, program, args, options) {
		const child = fork(program, args, { ...options, silent: true });
		this.child = child;
		this.#calls = new Calls((message) => child.send(message, (error) => error && this.#calls.end(error)));
		child.on('message', (message) => this.#calls.answered(message));
		for (const stream of [child.stdout, child.stderr]) {
			stream?.setEncoding('utf8').on('data', (text) => {
				this.output += text;
			});
		}
		this.ended = new Promise((resolve) => {
			child.once('close', (code, signal) => {
				this.#calls.end(new Error(`${name} ended with ${code ?? signal}:\n${this.output}`));
				resolve({ code, signal });
			});
		});
	}

	/**
	 * Runs a command in the process.
	 *
	 * @param {any[]} command
	 */
	do(...command) {
		return this.#calls.do(...command);
	}

	/** Kills the process (SIGKILL). */
	kill() {
		this.child.kill('SIGKILL');
		return this.ended;
	}
}
