// A worker thread that creates sessions, sends, and ends at a given moment in a given way. With `control` it does the same without
// the package, to measure what the end of a thread costs by itself.

import { setImmediate as turn } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';

/** @type {{ number: number, how: import('./thread-ends.js').How, moment: import('./thread-ends.js').Moment, seed: number, small: boolean, control: boolean }} */
const { number, how, moment, seed, small, control } = workerData;

passing('birth');
const { randomNumbers } = await import('../support/threads/random-numbers.js');
const { SCOPE, SHARED } = await import('./session-ids.js');
const makeManager = control ? standIn : await ofPackage();
const random = randomNumbers(seed);
passing('imported');
const manager = makeManager();
passing('joined');

let begun = false;
const controller = {
	enqueue() {
		if (begun && random(5) === 0) passing('delivering');
	},
	close() {
		if (begun) passing('closing');
	},
};
const last = random(5);
for (let turns = 0; ; turns++) {
	for (let n = 0; n < 20; n++) {
		manager.create(random(10) === 0 ? SHARED[random(SHARED.length)] : `ending ${number} ${n}`, controller);
		if (turns === last && n === random(20)) passing('creating');
	}
	for (let n = 0; n < 20; n++) {
		manager.send(random(2) === 0 ? undefined : [`lasting ${random(4)} ${random(10)}`], 'x'.repeat(random(100)));
		if (turns === last) passing('posting');
	}
	begun = true;
	// Ends here when chance has skipped the given moment.
	if (turns > last + 5 && random(4) === 0) passing('later', true);
	await turn();
	if (turns % 4 === 3) {
		for (let n = 0; n < 20; n += 2) manager.delete(`ending ${number} ${n}`);
		// Not awaited: the flush must be pending when the thread ends.
		manager.flush();
	}
}

async function ofPackage() {
	const { InMemoryStreamSessionManager } = await import('@tmcp-native/session-manager');
	// Some mailboxes overflow.
	return () => new InMemoryStreamSessionManager({ scope: SCOPE, ...(small && { maxMailboxBytes: 2_000 }) });
}

/** Returns an object that delivers to its sessions and closes them, as a manager does. */
function standIn() {
	/** @type {Map<string, typeof controller>} */
	const sessions = new Map();
	return {
		create: (/** @type {string} */ id, /** @type {typeof controller} */ session) => sessions.set(id, session),
		send() {
			for (const session of sessions.values()) session.enqueue();
		},
		delete(/** @type {string} */ id) {
			sessions.get(id)?.close();
			sessions.delete(id);
		},
		flush() {},
	};
}

/**
 * @param {import('./thread-ends.js').Moment} here
 * @param {boolean} [last]
 */
function passing(here, last = false) {
	if (here !== moment && !last) return;
	if (how === 'terminate') parentPort?.postMessage(here);
	else if (how === 'exit') process.exit(3);
	// The manager catches errors that a controller throws.
	else if (here === 'delivering' || here === 'closing') queueMicrotask(fail);
	else fail();
}

function fail() {
	throw new Error('on purpose');
}
