// Runs a measurement in a process of its own.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Starts the module in a new process, and resolves to the first message that it sends, after it has ended.
 *
 * @param {URL} module
 * @param {(string | number)[]} args
 * @param {import('node:child_process').ForkOptions} [options]
 * @returns {Promise<any>}
 */
export async function runProcess(module, args, options) {
	const file = fileURLToPath(module);
	const child = fork(file, args.map(String), options);
	const exited = once(child, 'exit');
	const [result] = await Promise.race([once(child, 'message'), exited.then(() => [])]);
	const [code, signal] = await exited;
	if (code !== 0 || result === undefined)
		throw new Error(`${basename(file)} ended with ${signal ?? `exit code ${code}`}`);
	return result;
}

/**
 * Sends the result to the process that called {@link runProcess}, and lets this one end.
 *
 * @param {unknown} result
 */
export function sendResult(result) {
	process.send?.(result, () => process.disconnect());
}
