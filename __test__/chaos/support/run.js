// The chaos run: breaks Redis while the clients act, and lets all agree after each fault.

import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as pass } from 'node:timers/promises';

import { randomNumbers } from '../../support/threads/random-numbers.js';
import { Agreement } from './agreement.js';
import { isOfRedis, planFaults, runFault } from './faults.js';
import { Problems } from './problems.js';
import { figuresOf, findProblems } from './results.js';
import { World } from './world.js';

/** @import { TestContext } from 'node:test' */
/** @import { Fault } from './faults.js' */

/** Time with traffic before the first fault, in milliseconds. */
const WARM_UP_MS = 1_000;
/** Time with traffic after a fault, while the servers connect again, in milliseconds. */
const AFTER_FAULT_MS = 500;

/**
 * @typedef {object} Results
 * @property {string[]} faults what happened, in order
 * @property {string[]} missed the kinds of faults for which no time was left
 * @property {number} ms duration of the run
 * @property {number[]} agreedAfterMs time until all agreed, for each fault
 * @property {{ rss: number, heap: number }[][]} memory of each server, each time that all agreed
 * @property {any[]} reports of the servers; empty if one has ended
 * @property {{ ends: (number | NodeJS.Signals | null)[], ms: number }} stopped exit codes, and how long it took
 * @property {number} delayMs longest delay of the event loop of this process
 */

/**
 * @param {TestContext} t
 * @param {{ seed: number, only: RegExp, seconds: number }} options
 */
export async function runChaos(t, { seed, only, seconds }) {
	const problems = new Problems();
	const began = performance.now();
	const random = randomNumbers(seed);
	const delay = monitorEventLoopDelay();
	delay.enable();
	const world = await World.start(t, seed, problems);
	const agreement = new Agreement(world, problems.add);
	/** @type {Pick<Results, 'faults' | 'agreedAfterMs' | 'memory'>} */
	const { faults, agreedAfterMs, memory } = { faults: [], agreedAfterMs: [], memory: [] };

	/** Returns the time until all agree, or `undefined` if they do not. */
	async function agree() {
		const ms = await agreement.reach();
		if (ms === undefined) return;
		for (const client of world.clients) client.agreed();
		memory.push(await world.do('memory'));
		return ms;
	}

	/** Returns true if all agree after faults that begin at the same time. @param {Fault[]} together */
	async function survive(together) {
		const what = together.map(describe).join(', and ');
		problems.now = what;
		await world.withTraffic(async () => {
			await Promise.all(together.map((fault) => runFault(world, fault, together.length === 1)));
			await pass(AFTER_FAULT_MS);
		});
		problems.now = `after ${what}`;
		const ms = await agree();
		if (ms !== undefined) agreedAfterMs.push(ms);
		faults.push(`${what}; ${ms === undefined ? 'not all agree' : `all agree after ${Math.round(ms)} ms`}`);
		return ms !== undefined;
	}

	/** @param {Fault} fault */
	function describe({ kind, servers, ms }) {
		const where = servers.map((server) => world.servers[server].name).join(', ');
		return `${kind}${where && ` (server ${where})`} for ${ms} ms`;
	}

	const end = began + seconds * 1_000;
	const fits = (/** @type {Fault} */ { ms }) => performance.now() + ms < end;
	/** @type {Set<string>} */
	const missed = new Set();
	try {
		await world.withTraffic(() => pass(WARM_UP_MS));
		let isAgreed = (await agree()) !== undefined;
		let plan = planFaults(random, world.servers.length, only);
		for (const { kind } of plan) missed.add(kind);
		// What goes wrong after a disagreement may be its consequence.
		while (isAgreed && plan.some(fits)) {
			const together = plan.splice(plan.findIndex(fits), 1);
			// When each kind has come once, a fault of Redis and one of the network come together.
			const other = plan.findIndex((fault) => fits(fault) && isOfRedis(fault) !== isOfRedis(together[0]));
			if (missed.size === 0 && other !== -1) together.push(...plan.splice(other, 1));
			isAgreed = await survive(together);
			for (const { kind } of together) missed.delete(kind);
			if (plan.length === 0) plan = planFaults(random, world.servers.length, only);
		}
	} catch (error) {
		// The calls to a server that has ended reject.
		if (world.ended.length === 0) throw error;
	}
	problems.now = 'at the end';
	/** @type {Results} */
	const results = {
		...{ faults, agreedAfterMs, memory },
		missed: [...missed],
		ms: performance.now() - began,
		reports: world.ended.length > 0 ? [] : await world.do('report'),
		stopped: await world.stop(),
		delayMs: delay.max / 1e6,
	};
	delay.disable();
	findProblems(world, results, problems);
	return { problems: problems.all, figures: figuresOf(world, results) };
}
