// A process with a manager that keeps idle sessions alive, whose timer runs when it is told to.

import timers from 'node:timers';
import { setImmediate } from 'node:timers/promises';
import { InMemoryStreamSessionManager } from '../../lib/index.js';
import { makeIds } from '../harness/test-data.mjs';
import { collectYoung } from '../harness/interleave.mjs';

/**
 * @typedef {object} Sweeps
 * @property {number} aTime how many there are in `keepAliveMs`, one of which sends
 * @property {number[]} idle of those in between, together: nanoseconds of CPU time, each time
 * @property {number[]} sending
 * @property {number[]} readers what the readers take then
 */

const KEEP_ALIVE = Buffer.from(': keepalive\n\n');
const WARM_UP = 10;

const [keepAliveMs, sessions, times] = process.argv.slice(2).map(Number);

/** What is to be called each time, and after how long. @type {{ sweep: () => void, everyMs: number } | undefined} */
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
if (timer === undefined) throw new Error('keep-alive has no timer');
const { sweep, everyMs } = timer;
const aTime = Math.round(keepAliveMs / everyMs);

let arrived = 0;
for (const id of makeIds(sessions)) {
	/** @type {ReadableStream<Uint8Array>} */
	const stream = new ReadableStream({ start: (controller) => manager.create(id, controller) });
	read(stream.getReader());
}

/** @type {Sweeps} */
const sweeps = { aTime, idle: [], sending: [], readers: [] };
// Until the first that sends: from there on each time begins with one.
for (let first = 0; arrived === 0; first++) {
	if (first > aTime) throw new Error('keep-alive does not send');
	await timeSweep();
}
for (let time = -WARM_UP; time < times; time++) {
	let idle = 0;
	for (let index = 1; index < aTime; index++) idle += (await timeSweep(0)).own;
	const { own, readers } = await timeSweep(sessions);
	if (time < 0) continue;
	sweeps.idle.push(idle);
	sweeps.sending.push(own);
	sweeps.readers.push(readers);
}
process.send?.(sweeps, () => process.disconnect());

/** @param {number} [due] how many sessions it is to send to */
async function timeSweep(due) {
	collectYoung();
	const before = arrived;
	const start = cpuNs();
	sweep();
	const swept = cpuNs();
	await setImmediate();
	const end = cpuNs();
	if (due !== undefined && arrived - before !== due) throw new Error(`${arrived - before} of ${due} keep-alives`);
	return { own: swept - start, readers: end - swept };
}

/** Of all threads, the collector's included. */
function cpuNs() {
	const { user, system } = process.cpuUsage();
	return (user + system) * 1e3;
}

/** @param {ReadableStreamDefaultReader<Uint8Array>} reader */
async function read(reader) {
	for (let next = await reader.read(); !next.done; next = await reader.read()) {
		if (!KEEP_ALIVE.equals(next.value)) throw new Error(`an idle session got ${Buffer.from(next.value)}`);
		arrived++;
	}
}
