// The worker threads, as the main thread sees them.

import { Worker } from 'node:worker_threads';
import { makeIds } from '../harness/test-data.mjs';
import { openWays } from './channels.mjs';

/** @typedef {import('./channels.mjs').WayName} WayName */
/** @typedef {import('../streams/send.mjs').Target} Target */

/**
 * @typedef {object} Order
 * @property {{ way: WayName, texts: string[] }} [check] what each session has to get, by place
 * @property {{ targets: number[][], data: string }} [floor] the burst that the floor enqueues
 * @property {number} [bytes] after how many of them, over and over again, the worker answers
 * @property {boolean} [collect] whether to collect garbage first
 */

const FILE = new URL('./worker.mjs', import.meta.url);
const LONGEST_WAIT_MS = 60_000;

/** Distinguishes the scopes: what one crew has left behind is not to be measured with another. */
let crews = 0;

export class Crew {
	/** @type {Error | undefined} */
	#failure;
	/** Rejects the answers that are awaited. @type {(error: Error) => void} */
	#reject = () => {};
	/** @type {Worker[]} */
	#workers;
	#senders;

	/**
	 * @param {number} workers
	 * @param {number} sessions of each
	 */
	constructor(workers, sessions) {
		/** The ids of each worker's sessions. */
		this.ids = Array.from({ length: workers }, () => makeIds(sessions));
		const { senders, ends } = openWays(`bench ${++crews}`, workers);
		this.#senders = senders;
		this.#workers = this.ids.map((ids, index) => {
			const { port, floor } = ends[index];
			const worker = new Worker(FILE, { workerData: { ids, ends: ends[index] }, transferList: [port, floor] });
			worker.once('error', (/** @type {Error} */ error) => {
				this.#failure = error;
				this.#reject(error);
			});
			return worker;
		});
	}

	/**
	 * @param {number} workers
	 * @param {number} sessions of each
	 */
	static async start(workers, sessions) {
		const crew = new Crew(workers, sessions);
		try {
			await crew.#answers();
		} catch (error) {
			await crew.stop();
			throw error;
		}
		return crew;
	}

	/**
	 * Resolves when all have obeyed.
	 *
	 * @param {Order | ((worker: number) => Order)} order
	 */
	async order(order) {
		const answers = this.#answers();
		for (const [index, worker] of this.#workers.entries()) {
			worker.postMessage(typeof order === 'function' ? order(index) : order);
		}
		await answers;
	}

	/**
	 * Resolves when every worker has read the last byte of what it was told to expect. The clock ends there: how the main
	 * thread learns of it, by a message from each worker, costs the same for every way, and is not on it. Nor is the event
	 * loop of the main thread held up, as waiting with `Atomics` would do: it is idle, as a server's is between requests.
	 *
	 * @param {WayName} way
	 * @param {Target[]} targets
	 * @param {string} data
	 * @param {number} [bursts] back to back: one in each turn of the event loop
	 * @returns {Promise<{ whole: number, sending: number }>} nanoseconds until the last byte was read, and within `send`
	 */
	async deliver(way, targets, data, bursts = 1) {
		const sender = this.#senders[way];
		const answers = this.#answers();
		// It may fail before it is awaited.
		answers.catch(() => {});
		let sending = 0n;
		const start = process.hrtime.bigint();
		let before = start;
		for (let burst = 1; ; burst++) {
			sender.send(targets, data);
			sending += process.hrtime.bigint() - before;
			if (burst === bursts) break;
			await nextTurn();
			before = process.hrtime.bigint();
		}
		const ends = (await answers).map(({ end }) => Number(end - start));
		return { whole: Math.max(...ends), sending: Number(sending) };
	}

	/**
	 * @param {WayName} way
	 * @param {[targets: Target[], data: string][]} bursts
	 * @param {string[][]} expected each worker's texts, by place
	 */
	async check(way, bursts, expected) {
		await this.order((worker) => ({ check: { way, texts: expected[worker] } }));
		const answers = this.#answers();
		for (const [targets, data] of bursts) this.#senders[way].send(targets, data);
		await answers;
	}

	async stop() {
		for (const sender of Object.values(this.#senders)) sender.close();
		await Promise.all(this.#workers.map((worker) => worker.terminate()));
	}

	/**
	 * The next message of every worker.
	 *
	 * @returns {Promise<any[]>}
	 */
	async #answers() {
		if (this.#failure) throw this.#failure;
		/** @type {Promise<never>} */
		const failed = new Promise((_, reject) => {
			this.#reject = reject;
		});
		// With a message lost, nothing else would ever end this.
		const watchdog = setTimeout(this.#reject, LONGEST_WAIT_MS, new Error('a chunk that was sent has not arrived'));
		try {
			return await Promise.race([failed, Promise.all(this.#workers.map(nextMessage))]);
		} finally {
			clearTimeout(watchdog);
		}
	}
}

/**
 * @param {Worker} worker
 * @returns {Promise<any>}
 */
function nextMessage(worker) {
	return new Promise((resolve) => worker.once('message', resolve));
}

function nextTurn() {
	return new Promise((resolve) => setImmediate(resolve));
}
