// The worker threads of the benchmark, as the main thread controls them.

import { Worker } from 'node:worker_threads';
import { makeIds } from '../harness/test-data.mjs';
import { openChannels } from './channels.mjs';

/** @typedef {import('./channels.mjs').Channel} Channel */
/** @typedef {import('../streams/send-timing.mjs').Target} Target */

/**
 * @typedef {object} Instruction to a worker
 * @property {{ channel: Channel, texts: string[] }} [check] the text that each session has to receive, by index
 * @property {{ targets: number[][], data: string }} [floor] the burst that the floor enqueues
 * @property {number} [bytes] number of bytes after which the worker reports, again and again
 * @property {boolean} [collect] true to collect garbage first
 */

const MODULE = new URL('./worker.mjs', import.meta.url);
const MAX_WAIT_MS = 60_000;

/** Makes scope names unique: sessions of an earlier pool may still exist. */
let pools = 0;

export class WorkerPool {
	/** @type {Error | undefined} */
	#failure;
	/** Rejects the promise for the reports. @type {(error: Error) => void} */
	#reject = () => {};
	/** @type {Worker[]} */
	#workers;
	#senders;

	/**
	 * @param {number} workers
	 * @param {number} sessions per worker
	 */
	constructor(workers, sessions) {
		/** The ids of each worker's sessions. */
		this.ids = Array.from({ length: workers }, () => makeIds(sessions));
		const { senders, connections } = openChannels(`bench ${++pools}`, workers);
		this.#senders = senders;
		this.#workers = this.ids.map((ids, index) => {
			const { port, floorPort } = connections[index];
			const worker = new Worker(MODULE, {
				workerData: { ids, connections: connections[index] },
				transferList: [port, floorPort],
			});
			worker.once('error', (/** @type {Error} */ error) => {
				this.#failure = error;
				this.#reject(error);
			});
			return worker;
		});
	}

	/**
	 * Starts the workers, and resolves when each has opened its sessions.
	 *
	 * @param {number} workers
	 * @param {number} sessions per worker
	 */
	static async start(workers, sessions) {
		const pool = new WorkerPool(workers, sessions);
		try {
			await pool.#reports();
		} catch (error) {
			await pool.stop();
			throw error;
		}
		return pool;
	}

	/**
	 * Resolves when all workers have followed the instruction.
	 *
	 * @param {Instruction | ((worker: number) => Instruction)} instruction
	 */
	async instruct(instruction) {
		const reports = this.#reports();
		for (const [index, worker] of this.#workers.entries()) {
			worker.postMessage(typeof instruction === 'function' ? instruction(index) : instruction);
		}
		await reports;
	}

	/**
	 * Sends bursts, and resolves when every worker has read the last byte that it was instructed to expect. The workers note
	 * that time, so the report to the main thread is not on the clock. The event loop of the main thread stays idle meanwhile,
	 * like a server's between requests; waiting with `Atomics` would block it.
	 *
	 * @param {Channel} channel
	 * @param {Target[]} targets
	 * @param {string} data
	 * @param {number} [bursts] sent back to back: one in each turn of the event loop
	 * @returns {Promise<{ wholeNs: number, sendNs: number }>} time until the last byte was read, and time within `send`
	 */
	async deliver(channel, targets, data, bursts = 1) {
		const sender = this.#senders[channel];
		const reports = this.#reports();
		// It may reject before it is awaited.
		reports.catch(() => {});
		let sendNs = 0n;
		const start = process.hrtime.bigint();
		let before = start;
		for (let burst = 1; ; burst++) {
			sender.send(targets, data);
			sendNs += process.hrtime.bigint() - before;
			if (burst === bursts) break;
			await nextTurn();
			before = process.hrtime.bigint();
		}
		const ends = (await reports).map(({ end }) => Number(end - start));
		return { wholeNs: Math.max(...ends), sendNs: Number(sendNs) };
	}

	/**
	 * Sends bursts, and resolves when each session has received exactly its text.
	 *
	 * @param {Channel} channel
	 * @param {[targets: Target[], data: string][]} bursts
	 * @param {string[][]} expected the texts of each worker's sessions
	 */
	async check(channel, bursts, expected) {
		await this.instruct((worker) => ({ check: { channel, texts: expected[worker] } }));
		const reports = this.#reports();
		for (const [targets, data] of bursts) this.#senders[channel].send(targets, data);
		await reports;
	}

	async stop() {
		for (const sender of Object.values(this.#senders)) sender.close();
		await Promise.all(this.#workers.map((worker) => worker.terminate()));
	}

	/**
	 * Resolves to the next message of every worker.
	 *
	 * @returns {Promise<any[]>}
	 */
	async #reports() {
		if (this.#failure) throw this.#failure;
		/** @type {Promise<never>} */
		const failed = new Promise((_, reject) => {
			this.#reject = reject;
		});
		// A lost message would keep the benchmark waiting forever.
		const watchdog = setTimeout(this.#reject, MAX_WAIT_MS, new Error('a chunk that was sent has not arrived'));
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
