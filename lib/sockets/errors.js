// Errors of the operating system, and of callbacks of the user.

import { getSystemErrorMap } from 'node:util';

/**
 * Returns the error of a failed write, in the form in which Node.js reports it.
 *
 * @param {string} code such as EPIPE
 */
export function fdError(code) {
	return Object.assign(new Error(`write ${code}`), { code, syscall: 'write' });
}

/**
 * Returns the name of an error number of the operating system.
 *
 * @param {number} errno positive
 */
export function errorCode(errno) {
	return getSystemErrorMap().get(-errno)?.[0] ?? `E${errno}`;
}

/**
 * Calls a function that may call callbacks and listeners of the user. What they throw is an uncaught exception, as without
 * native delivery, and does not end the caller.
 *
 * @param {() => void} run
 */
export function callAndReport(run) {
	try {
		run();
	} catch (error) {
		queueMicrotask(() => {
			throw error;
		});
	}
}
