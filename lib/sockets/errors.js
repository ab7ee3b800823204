// Errors of the operating system.

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
