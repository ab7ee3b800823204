// A server of the chaos run, as the test sees it: a child process that runs `server-program.js`.

import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { CalledProcess } from '../../support/redis-node/called-process.js';

const PROGRAM = fileURLToPath(new URL('server-program.js', import.meta.url));

export class ChaosServer extends CalledProcess {
	/**
	 * @param {string} name
	 * @param {string} url of Redis
	 * @param {string} prefix
	 */
	constructor(name, url, prefix) {
		super(`server ${name}`, PROGRAM, [JSON.stringify({ name, url, prefix })], {
			// With a small young generation and one malloc arena, memory soon reaches its full size.
			execArgv: ['--expose-gc', '--max-semi-space-size=1'],
			env: { ...process.env, MALLOC_ARENA_MAX: '1' },
		});
		this.name = name;
	}

	/** Resolves with the port, when the server listens. */
	async listens() {
		const early = this.ended.then(() =>
			Promise.reject(new Error(`server ${this.name} did not start:\n${this.output}`)),
		);
		const [{ port }] = await Promise.race([once(this.child, 'message'), early]);
		return Number(port);
	}

	/** The end of its output, for the message of a problem. */
	get lastOutput() {
		return this.output.slice(-1_500);
	}

	/** Stops the server as an administrator does. Resolves when the process has ended. */
	stop() {
		this.child.kill('SIGTERM');
		return this.ended;
	}
}
