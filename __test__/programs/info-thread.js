// A worker thread that runs commands: `open` creates managers of a scope, `end` ends the thread, and every other command is a
// method of the managers. A command is answered when it is done.

import { parentPort } from 'node:worker_threads';

import { Managers } from '../support/threads/info-threads.js';

/** @type {Managers | undefined} */
let managers;

/**
 * @param {string} command
 * @param {any[]} args
 */
function perform(command, args) {
	switch (command) {
		case 'open':
			managers = new Managers(...args);
			return;
		case 'end':
			return end(args[0]);
		default:
			return /** @type {any} */ (managers)[command](...args);
	}
}

/** @param {'throw' | 'exit' | 'nothing left'} how */
function end(how) {
	if (how === 'exit') process.exit();
	if (how === 'nothing left') parentPort?.unref();
	if (how === 'throw') {
		setImmediate(() => {
			throw new Error('thrown to end the thread');
		});
	}
}

parentPort?.on('message', async ({ call, command, args }) => {
	try {
		parentPort?.postMessage({ call, value: await perform(command, args) });
	} catch (error) {
		const { name, message, code, limit } = /** @type {any} */ (error);
		parentPort?.postMessage({ call, error: { name, message, code, limit } });
	}
});
