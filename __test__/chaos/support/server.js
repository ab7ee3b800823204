// A server of the chaos run, as the test sees it: a child process that runs `server-program.js`.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { Calls } from '../../support/redis-node/calls.js';

const PROGRAM = fileURLToPath(new URL('server-program.js', import.meta.url));

export class ChaosServer {
	#child;
	#calls;
	/** The output of the process. */
	output = '';
	/** Resolves when the process has ended. @type {Promise<{ code: number | null, signal: NodeJS.Signals | null }>} */
	ended;

	/**
	 * @param {string} name
	 * @param {string} url of Redis
	 * @param {string} prefix
	 */
	constructor(name, url, prefix) {
		this.name = name;
		const child = fork(PROGRAM, [JSON.stringify({ name, url, prefix })], {
			// With a small young generation and one malloc arena, memory soon reaches its full size.
			execArgv: ['--expose-gc', '--max-semi-space-size=1'],
			env: { ...process.env, MALLOC_ARENA_MAX: '1' },
			silent: true,
		});
		this.#child = child;
		this.#calls = new Calls((message) => child.send(message, (error) => error && this.#calls.end(error)));
		child.on('message', (message) => this.#calls.answered(message));
		for (const stream of [child.stdout, child.stderr]) {
			stream?.setEncoding('utf8').on('data', (text) => {
				this.output += text;
			});
		}
		this.ended = once(child, 'close').then(([code, signal]) => {
			this.#calls.end(new Error(`server ${name} ended with ${code ?? signal}:\n${this.output}`));
			return { code, signal };
		});
	}

	/** Resolves with the port, when the server listens. */
	async listens() {
		const early = this.ended.then(() =>
			Promise.reject(new Error(`server ${this.name} did not start:\n${this.output}`)),
		);
		const [{ port }] = await Promise.race([once(this.#child, 'message'), early]);
		return Number(port);
	}

	/** The end of its output, for the message of a problem. */
	get lastOutput() {
		return this.output.slice(-1_500);
	}

	/**
	 * Calls a command of the program.
	 *
	 * @param {string} command
	 * @param {...any} args
	 */
	do(command, ...args) {
		return this.#calls.do(command, ...args);
	}

	/** Stops the server as an administrator does. Resolves when the process has ended. */
	stop() {
		this.#child.kill('SIGTERM');
		return this.ended;
	}

	/** Kills the process. */
	kill() {
		this.#child.kill('SIGKILL');
		return this.ended;
	}
}
