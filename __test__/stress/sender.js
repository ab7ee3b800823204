// Sends without pause: to all, and to sessions of threads that are ending or have ended. The main thread uses the class. As a
// worker, this module runs the commands of the main thread.

import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { isMainThread, parentPort, workerData } from 'node:worker_threads';

import { InMemoryStreamSessionManager } from '@tmcp-native/session-manager';

import { randomNumbers } from '../support/threads/random-numbers.js';
import { LASTING, SCOPE, SHARED } from './session-ids.js';

const OPERATIONS_PER_TURN = 100;
const TURNS_UNFLUSHED = 50;

const controller = { enqueue() {}, close() {} };

export class Sender {
	manager = new InMemoryStreamSessionManager({ scope: SCOPE });
	posts = 0;
	#stopped = false;
	#random;
	#newest;

	/**
	 * @param {number} number
	 * @param {Int32Array} newest number of the newest ending thread
	 * @param {number} seed
	 */
	constructor(number, newest, seed) {
		this.#newest = newest;
		this.#random = randomNumbers(seed + number);
		for (const n of LASTING) this.manager.create(`lasting ${number} ${n}`, controller);
	}

	async post() {
		this.#stopped = false;
		for (let turns = 1; !this.#stopped; turns++) {
			for (let n = 0; n < OPERATIONS_PER_TURN; n++) this.#postOne();
			// The mailboxes of the senders must not overflow.
			if (turns % TURNS_UNFLUSHED === 0) await this.manager.flush();
			else await turn();
		}
		for (const id of SHARED) this.manager.delete(id);
	}

	stop() {
		this.#stopped = true;
	}

	async flush() {
		for (const id of SHARED) this.manager.delete(id);
		await this.manager.flush();
	}

	state() {
		const { sessions, closed, mailboxBytes } = this.manager.stats();
		return { size: this.manager.size, sessions, overflow: closed.overflow, mailboxBytes };
	}

	#postOne() {
		const random = this.#random;
		const choice = random(100);
		this.posts++;
		if (choice < 40) this.manager.send(undefined, 'x'.repeat(random(200)));
		else if (choice < 95) this.manager.send(this.#ids(), 'x'.repeat(random(200)));
		else if (choice < 98) this.manager.create(SHARED[random(SHARED.length)], controller);
		else this.manager.delete(SHARED[random(SHARED.length)]);
	}

	#ids() {
		const random = this.#random;
		const newest = Atomics.load(this.#newest, 0);
		return Array.from({ length: 1 + random(6) }, () => {
			const which = random(10);
			if (which === 0) return SHARED[random(SHARED.length)];
			if (which === 1) return `lasting ${random(4)} ${random(LASTING.length)}`;
			return `ending ${newest - random(6)} ${random(20)}`;
		});
	}
}

/** @type {() => void} */
export const collectGarbage = 'Bun' in globalThis ? () => /** @type {any} */ (globalThis).Bun.gc(true) : ofV8();

function ofV8() {
	setFlagsFromString('--expose-gc');
	return runInNewContext('gc');
}

if (!isMainThread && workerData?.sender) {
	const { sender, newest, seed } = workerData;
	const here = new Sender(sender, newest, seed);
	/** @type {Promise<void> | undefined} */
	let posting;
	/** @type {Record<string, () => unknown>} */
	const commands = {
		ready() {},
		post() {
			posting = here.post();
		},
		async stop() {
			here.stop();
			await posting;
		},
		flush: () => here.flush(),
		collect: () => collectGarbage(),
		state: () => here.state(),
		posts: () => here.posts,
		// The thread ends with its sessions open. In Deno the port has no `close`.
		end: () => (parentPort?.close ? parentPort.close() : globalThis.close()),
	};
	parentPort?.on('message', async (command) => parentPort?.postMessage(await commands[command]()));
}
