// A worker thread that runs commands: `open` creates a driver, `leave` drops it, and every other command is a method of a driver
// (see `support/threads/stream-driver.js`). A command starts on arrival, and is answered when it is done.

import { parentPort } from 'node:worker_threads';

import { StreamDriver, uncaught } from '../support/threads/stream-driver.js';

/** @type {Map<number, StreamDriver>} */
const drivers = new Map();

/** @param {{ driver: number, command: string, args: unknown[] }} message */
function perform({ driver, command, args }) {
	if (command === 'open') drivers.set(driver, StreamDriver.open(...args));
	else if (command === 'leave') drivers.delete(driver);
	else return /** @type {any} */ (drivers.get(driver))[command](...args);
}

for (const event of ['uncaughtException', 'unhandledRejection']) {
	process.on(event, (error) => uncaught.push(`${event}: ${error?.stack ?? error}`));
}

parentPort?.on('message', async (message) => {
	const reply = { call: message.call };
	try {
		parentPort?.postMessage({ ...reply, value: await perform(message) });
	} catch (error) {
		const { name, message, code, stack } = /** @type {any} */ (error);
		parentPort?.postMessage({ ...reply, error: { name, message, code, stack } });
	}
});
