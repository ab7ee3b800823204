// A worker thread that does what it is told: `open` makes a seat, everything else is a method of one (see
// `support/threads/seat.js`). Each command is begun when it comes, and answered when it is done.

import { parentPort } from 'node:worker_threads';

import { Seat, uncaught } from '../support/threads/seat.js';

/** @type {Map<number, Seat>} */
const seats = new Map();

/** @param {{ seat: number, command: string, args: unknown[] }} order */
function perform({ seat, command, args }) {
	if (command === 'open') seats.set(seat, Seat.open(...args));
	else if (command === 'leave') seats.delete(seat);
	else return /** @type {any} */ (seats.get(seat))[command](...args);
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
