// Runs programs of this repository as a user does: reads their output, types lines, and stops them with SIGTERM.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { escapeRegExp } from './regexp.js';

const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Starts a program in the root folder of the repository.
 *
 * @param {string} command
 * @param {string[]} [args]
 * @param {Record<string, string>} [env]
 */
export function run(command, args = [], env = {}) {
	const child = spawn(command, args, { cwd: root, env: { ...process.env, ...env } });
	const program = {
		/** Output so far, stderr included. */
		output: '',
		/** Resolves to the exit code, or the signal, when the program and all its child processes have ended. */
		ended: once(child, 'close').then(([code, signal]) => code ?? signal),
		type: (/** @type {string} */ line) => child.stdin.write(`${line}\n`),
		// Not `child.kill`: with it, Deno reports the signal as the result even of a program that exits with code 0.
		stop: () => child.exitCode ?? child.signalCode ?? process.kill(child.pid, 'SIGTERM'),
		/** Resolves to the match when the output contains the text or matches the pattern. */
		async until(/** @type {string | RegExp} */ wanted) {
			const pattern = typeof wanted === 'string' ? RegExp(escapeRegExp(wanted)) : wanted;
			for (;;) {
				const match = program.output.match(pattern);
				if (match !== null) return match;
				await Promise.race([once(child.stdout, 'data'), once(child.stderr, 'data'), program.ended.then(endedTooEarly)]);
			}
			function endedTooEarly() {
				throw new Error(`the program ended before it printed ${wanted}:\n${program.output}`);
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
