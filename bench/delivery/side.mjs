// One of the compared servers with its clients, in processes of their own.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setPriority } from 'node:os';
import { setTimeout as wait } from 'node:timers/promises';
import { CallableProcess } from '../harness/callable-process.mjs';
import { cpuTimeOf } from './cpu-time.mjs';
import { MESSAGES } from './messages.mjs';

/** @typedef {import('./cpu-time.mjs').CpuTime} CpuTime */
/** @typedef {import('./managers.mjs').From} From */
/** @typedef {import('./managers.mjs').Implementation | 'betterSse' | 'axum'} SideName */

/**
 * @typedef {object} Load
 * @property {number} clients
 * @property {import('./messages.mjs').Size} size
 * @property {number} burst number of messages that are sent in one turn
 * @property {number} bursts
 */

/**
 * @typedef {object} Setup
 * @property {From} from
 * @property {number} clients
 * @property {string | undefined} axum path of the binary
 * @property {string | undefined} redisUrl
 */

/** Long enough for replies to what was sent, and for the threads to sleep: only then the CPU time is exact. */
const SETTLE_MS = 25;
/** An idle server costs nearly the same in each millisecond, so that it is measured shorter than the broadcasts. */
const MAX_IDLE_MS = 200;
/** Some broadcasts pass before native delivery begins. */
const MAX_CHECKS = 10;
const LOW_PRIORITY = 10;

export class Side {
	/** @type {{ stop(): Promise<unknown> }[]} */
	#processes;
	#clients;
	/** The server, unless it is axum. @type {CallableProcess | undefined} */
	#server;
	#pid;

	/**
	 * @param {SideName} name
	 * @param {number} port
	 * @param {{ clients: CallableProcess, server: CallableProcess | RustProcess, sender: CallableProcess | undefined }} processes
	 */
	constructor(name, port, { clients, server, sender }) {
		this.name = name;
		this.port = port;
		this.#clients = clients;
		this.#server = server instanceof CallableProcess ? server : undefined;
		this.#pid = server.pid;
		this.#processes = [clients, server, ...(sender ? [sender] : [])];
	}

	/**
	 * Starts a server, connects its clients, and checks what they receive.
	 *
	 * @param {SideName} name
	 * @param {Setup} setup
	 */
	static async start(name, { from, clients: count, axum, redisUrl }) {
		const clients = new CallableProcess(new URL('clients-process.mjs', import.meta.url), []);
		const controlPort = await clients.call('listen');
		const settings = { implementation: name, from, controlPort, redisUrl };
		const server =
			name === 'axum'
				? new RustProcess(/** @type {string} */ (axum), controlPort)
				: new CallableProcess(new URL('server-process.mjs', import.meta.url), [settings]);
		const sender =
			from === 'redis' ? new CallableProcess(new URL('sender.mjs', import.meta.url), [settings]) : undefined;
		const port = await clients.call('connect', count);
		const side = new Side(name, port, { clients, server, sender });
		await side.check();
		if (name === 'native') await side.#untilAllDirect(count);
		return side;
	}

	/** @param {number} count of clients */
	async #untilAllDirect(count) {
		let stats;
		for (let checks = 0; checks < MAX_CHECKS; checks++) {
			stats = await this.#server?.call('deliveryStats');
			if (stats.direct === count) return;
			await this.check();
		}
		throw new Error(`native delivery has ${stats.direct} of ${count} clients: ${JSON.stringify(stats)}`);
	}

	/** Checks that each client receives each message once, in order, and nothing else. */
	check() {
		return this.#clients.call('check');
	}

	/**
	 * Resolves to the CPU time of the server per delivered message, less that of the same number of orders without messages.
	 *
	 * @param {Load} load
	 */
	async cpuTime({ clients, ...load }) {
		const deliveries = clients * load.burst * load.bursts;
		const [before, ms] = [await this.#settledCpuTime(), await this.#clients.call('run', load)];
		const between = await this.#settledCpuTime();
		await this.#clients.call('sendEmptyOrders', { count: load.bursts, ms: Math.min(ms, MAX_IDLE_MS) });
		const after = await this.#settledCpuTime();
		/** @param {keyof CpuTime} threads */
		const above = (threads) => (between[threads] - before[threads] - (after[threads] - between[threads])) / deliveries;
		return {
			total: above('total'),
			main: above('main'),
			idle: (after.total - between.total) / deliveries,
		};
	}

	async #settledCpuTime() {
		await wait(SETTLE_MS);
		return cpuTimeOf(this.#pid);
	}

	/**
	 * Lets the scheduler prefer the server and other clients, as if they had cores of their own. It cannot be undone without
	 * privileges.
	 */
	lowerPriorityOfClients() {
		setPriority(this.#clients.pid, LOW_PRIORITY);
	}

	get hasEventLoop() {
		return this.#server !== undefined;
	}

	/**
	 * Resolves to turns of the server's event loop, in nanoseconds: that of one broadcast, the longest one around it, and the
	 * longest one in the same time without a broadcast.
	 *
	 * @param {Omit<Load, 'clients' | 'bursts'>} load
	 */
	async turns({ size, burst }) {
		let ms = 0;
		const { broadcast, longest } = await this.#turnsDuring(async () => {
			ms = await this.#clients.call('run', { size, burst, bursts: 1 });
		});
		const idle = await this.#turnsDuring(() => this.#clients.call('sendEmptyOrders', { count: 1, ms }));
		return { broadcast, longest, idle: idle.longest };
	}

	/**
	 * @param {() => Promise<void>} perform
	 * @returns {Promise<{ broadcast: number, longest: number }>}
	 */
	async #turnsDuring(perform) {
		await this.#server?.call('watchTurns');
		await wait(SETTLE_MS);
		await perform();
		await wait(SETTLE_MS);
		return this.#server?.call('readTurns');
	}

	/**
	 * Broadcasts until the time is over.
	 *
	 * @param {Omit<Load, 'clients' | 'bursts'> & { ms: number }} load
	 */
	broadcastFor(load) {
		return this.#clients.call('runFor', load);
	}

	async stop() {
		await Promise.all(this.#processes.map((process) => process.stop()));
	}
}

/** The server in Rust. It ends when its control connection is closed. */
class RustProcess {
	#child;
	#exited;

	/**
	 * @param {string} binary
	 * @param {number} controlPort
	 */
	constructor(binary, controlPort) {
		const texts = [MESSAGES.short, MESSAGES.long].flatMap(({ head, tail }) => [head, tail]);
		this.#child = spawn(binary, [String(controlPort), ...texts], { stdio: ['ignore', 'ignore', 'inherit'] });
		this.#exited = once(this.#child, 'exit');
	}

	get pid() {
		return /** @type {number} */ (this.#child.pid);
	}

	stop() {
		return this.#exited;
	}
}
