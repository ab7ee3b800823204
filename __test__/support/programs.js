// Programs of the repository, run as a user would: what they print is read, and they are typed to and told to stop.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { literally } from './text.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Starts a program in the root of the repository.
 *
 * @param {string} command
 * @param {string[]} [args]
 * @param {Record<string, string>} [env]
 */
export function run(command, args = [], env = {}) {
	const child = spawn(command, args, { cwd: root, env: { ...process.env, ...env } });
	const program = {
		/** What it has printed so far, errors included. */
		output: '',
		/** Resolves to the exit code as soon as it and all that it started have ended. */
		ended: once(child, 'close').then(([code, signal]) => code ?? signal),
		type: (/** @type {string} */ line) => child.stdin.write(`${line}\n`),
		// Not by `child.kill`: Deno would report the signal as the end of whatever program, also of one that exits with 0.
		stop: () => child.exitCode ?? child.signalCode ?? process.kill(child.pid, 'SIGTERM'),
		/** Resolves as soon as that is in the output. */
		async until(/** @type {string | RegExp} */ wanted) {
			const pattern = typeof wanted === 'string' ? RegExp(literally(wanted)) : wanted;
			for (;;) {
				const match = program.output.match(pattern);
				if (match !== null) return match;
				await Promise.race([once(child.stdout, 'data'), once(child.stderr, 'data'), program.ended.then(tooEarly)]);
			}
			function tooEarly() {
				throw new Error(`ended without ${wanted}:\n${program.output}`);
			}
		},
	};
	for (const stream of [child.stdout, child.stderr]) {
		stream.setEncoding('utf8').on('data', (text) => {
			program.output += text;
		});
	}
	return program;
}
