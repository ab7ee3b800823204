// Starts the example servers that run until they are stopped.

import { tryIt } from './try-it.mjs';

const { PORT = '3000' } = process.env;

/**
 * @typedef {object} Server
 * @property {string} url
 * @property {() => Promise<unknown>} close
 */

/**
 * Starts a server, prints how to try it, and closes it on SIGINT or SIGTERM.
 *
 * @param {string} program path of the program in examples/
 * @param {(port: number) => Promise<Server & { about: string }>} start
 */
export async function serve(program, start) {
	const server = await startOrExit(program, start);
	console.log(`${server.about} listens on ${server.url} (Ctrl+C stops it). In another terminal:\n`);
	for (const { why, type } of tryIt(server.url)) console.log(`${why}\n\n${type.replace(/^/gm, '  ')}\n`);
	closeOnSignal(server);
}

/**
 * Starts a server on the port in PORT. Exits with 1 if the port is taken.
 *
 * @template Result
 * @param {string} program path of the program in examples/
 * @param {(port: number) => Promise<Result>} start
 */
export async function startOrExit(program, start) {
	try {
		return await start(Number(PORT));
	} catch (error) {
		if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EADDRINUSE') throw error;
		console.error(`Port ${PORT} is taken. Use another one: PORT=3001 node examples/${program}`);
		process.exit(1);
	}
}

/**
 * Closes a server on the first SIGINT or SIGTERM. A second signal ends the process at once.
 *
 * @param {Pick<Server, 'close'>} server
 */
export function closeOnSignal(server) {
	const signals = ['SIGINT', 'SIGTERM'];
	for (const signal of signals) process.once(signal, stop);

	async function stop() {
		for (const signal of signals) process.off(signal, stop);
		await server.close();
		console.log('Stopped.');
	}
}

/**
 * Returns a whole number from the environment. Exits with 1 if the variable has another value.
 *
 * @param {string} name of the variable
 * @param {number} defaultValue
 * @param {{ minimum?: number }} [options]
 */
export function numberFromEnv(name, defaultValue, { minimum = 1 } = {}) {
	const text = process.env[name] ?? String(defaultValue);
	if (/^\d+$/.test(text) && Number(text) >= minimum) return Number(text);
	console.error(`${name} must be a whole number of at least ${minimum}, and is ${JSON.stringify(text)}.`);
	process.exit(1);
}
