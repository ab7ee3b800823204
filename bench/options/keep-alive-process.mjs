// A process with a manager that keeps idle sessions alive. Calls the manager's timer itself, and measures each sweep.

import timers from 'node:timers';
import { setImmediate } from 'node:timers/promises';
import { InMemoryStreamSessionManager } from '../../lib/index.js';
import { sendResult } from '../harness/child-process.mjs';
import { collectYoung } from '../harness/gc.mjs';
import { makeIds } from '../harness/test-data.mjs';

/**
 * @typedef {object} Sweeps
 * @property {number} perPeriod number of sweeps per `keepAliveMs`; one of them sends
 * @property {number[]} idle CPU time of the other sweeps of each period together, in nanoseconds
 * @property {number[]} sending CPU time of the sweep that sends, in nanoseconds
 * @property {number[]} readers CPU time of the readers of these chunks, in nanoseconds
 */

const KEEP_ALIVE = Buffer.from(': keepalive\n\n');
const WARM_UP_PERIODS = 10;

const [keepAliveMs, sessions, periods] = process.argv.slice(2).map(Number);

/** The manager's timer. @type {{ sweep: () => void, everyMs: number } | undefined} */
let timer;
const { setInterval } = timers;
timers.setInterval = /** @type {any} */ (
	(/** @type {() => void} */ sweep, /** @type {number} */ everyMs) => {
		timer = { sweep, everyMs };
		return setInterval(() => {}, everyMs);
	}
);
const manager = new InMemoryStreamSessionManager({ keepAliveMs });
timers.setInterval = setInterval;
if (timer === undefined) throw new Error('the manager has not started a timer for keepAliveMs');
const { sweep, everyMs } = timer;
const perPeriod = Math.round(keepAliveMs / everyMs);

let received = 0;
for (const id of makeIds(sessions)) {
	/** @type {ReadableStream<Uint8Array>} */
	const stream = new ReadableStream({ start: (controller) => manager.create(id, controller) });
	readAll(stream.getReader());
}

// Ends with the first sweep that sends. From here on each period ends with one.
for (let sweeps = 0; received === 0; sweeps++) {
	if (sweeps > perPeriod) throw new Error('no sweep has sent a keep-alive');
	await timeSweep();
}
/** @type {Sweeps} */
const result = { perPeriod, idle: [], sending: [], readers: [] };
for (let period = -WARM_UP_PERIODS; period < periods; period++) {
	let idle = 0;
	for (let index = 1; index < perPeriod; index++) idle += (await timeSweep(0)).sweepNs;
	const { sweepNs, readersNs } = await timeSweep(sessions);
	if (period < 0) continue;
	result.idle.push(idle);
	result.sending.push(sweepNs);
	result.readers.push(readersNs);
}
sendResult(result);

/** @param {number} [expected] number of keep-alives that the sweep has to send */
async function timeSweep(expected) {
	collectYoung();
	const before = received;
	const start = cpuNs();
	sweep();
	const swept = cpuNs();
	await setImmediate();
	const end = cpuNs();
	if (expected !== undefined && received - before !== expected) {
		throw new Error(`${received - before} of ${expected} keep-alives were received`);
	}
	return { sweepNs: swept - start, readersNs: end - swept };
}

/** Returns the CPU time of all threads, those of the garbage collector included. */
function cpuNs() {
	const { user, system } = process.cpuUsage();
	return (user + system) * 1e3;
}

/** @param {ReadableStreamDefaultReader<Uint8Array>} reader */
async function readAll(reader) {
	for (let next = await reader.read(); !next.done; next = await reader.read()) {
		if (!KEEP_ALIVE.equals(next.value)) throw new Error(`an idle session received ${Buffer.from(next.value)}`);
		received++;
	}
}
