// A worker thread that does what it is told: `open` makes a driver, everything else is a method of one (see
// `support/threads/stream-driver.js`). Each command is begun when it comes, and answered when it is done.

import { parentPort } from 'node:worker_threads';

import { StreamDriver, uncaught } from '../support/threads/stream-driver.js';

/** @type {Map<number, StreamDriver>} */
const drivers = new Map();

/** @param {{ driver: number, command: string, args: unknown[] }} order */
function perform({ driver, command, args }) {
	if (command === 'open') drivers.set(driver, StreamDriver.open(...args));
	else if (command === 'leave') drivers.delete(driver);
	else return /** @type {any} */ (drivers.get(driver))[command](...args);
}

for (const event of ['uncaughtException', 'unhandledRejection']) {
	process.on(event, (error) => uncaught.push(`${event}: ${error?.stack ?? error}`));
}

parentPort?.on('message', async (order) => {
	const answer = { call: order.call };
	try {
		parentPort?.postMessage({ ...answer, value: await perform(order) });
	} catch (error) {
		const { name, message, code, stack } = /** @type {any} */ (error);
		parentPort?.postMessage({ ...answer, error: { name, message, code, stack } });
	}
});
