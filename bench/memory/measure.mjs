// Memory a session, with many sessions: each side in processes of its own.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { spread } from '../harness/stats.mjs';

/** @typedef {import('../harness/implementations.mjs').managers} Managers */
/** @typedef {{ rss: number, js: number }} Bytes a session; `js` is heap and buffers, `rss` is all that the process has */
/** @typedef {{ streams: Bytes, manager: Bytes }} Shares */

const CHILD = fileURLToPath(new URL('./memory-process.mjs', import.meta.url));

/** @type {(keyof Managers)[]} */
const SIDES = ['old', 'upstream', 'ours'];

/**
 * @param {boolean} quick
 * @param {(line: string) => void} log
 */
export async function measureMemory(quick, log) {
	const sessions = quick ? 10_000 : 100_000;
	const repeats = quick ? 1 : 5;
	/** @type {Record<keyof Managers, Shares[]>} */
	const shares = { old: [], upstream: [], ours: [] };
	for (let repeat = 0; repeat < repeats; repeat++) {
		for (const side of SIDES) shares[side].push(await measureChild(side, sessions));
	}
	const managers = {
		old: spreadOf(shares.old.map(({ manager }) => manager)),
		upstream: spreadOf(shares.upstream.map(({ manager }) => manager)),
		ours: spreadOf(shares.ours.map(({ manager }) => manager)),
	};
	const streams = spreadOf(SIDES.flatMap((side) => shares[side].map((share) => share.streams)));
	log(`memory: ${managers.ours.rss.median.toFixed(0)} bytes a session beside its stream`);
	return { sessions, repeats, streams, managers };
}

/**
 * @param {keyof Managers} side
 * @param {number} sessions
 * @returns {Promise<Shares>}
 */
async function measureChild(side, sessions) {
	const child = fork(CHILD, [side, String(sessions)], { execArgv: ['--expose-gc'] });
	const exited = once(child, 'exit');
	const [shares] = await Promise.race([once(child, 'message'), exited.then(() => [])]);
	const [code] = await exited;
	if (code !== 0 || !shares) throw new Error(`the memory measurement of ${side} ended with ${code}`);
	return shares;
}

/** @param {Bytes[]} samples */
function spreadOf(samples) {
	return { rss: spread(samples.map(({ rss }) => rss)), js: spread(samples.map(({ js }) => js)) };
}
