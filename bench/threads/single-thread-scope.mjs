// The cost of a scope without other threads: `send` to sessions of the same thread, with a scope and without one.

import { InMemoryStreamSessionManager } from '../../lib/index.js';
import { collectAll } from '../harness/gc.mjs';
import { interleave } from '../harness/interleave.mjs';
import { ratios, spread } from '../harness/stats.mjs';
import { asciiTexts, copy, makeIds, sessionCount } from '../harness/test-data.mjs';
import { checkEmpty, checkSend, planOf, targetsOf, timeTurn } from '../streams/send-timing.mjs';
import { emptySet, openSession } from '../streams/session-set.mjs';

/** @typedef {import('../harness/interleave.mjs').Budget} Budget */
/** @typedef {{ name: string, sessions: number, kind: 'all' | 'one' }} Cell */
/** @typedef {'plain' | 'scoped'} Variant */

/** @type {Variant[]} */
const VARIANTS = ['plain', 'scoped'];
/** @type {Record<Variant, string>} */
const titles = { plain: 'without a scope', scoped: 'with a scope' };

const text = asciiTexts[0];

/**
 * Where streams lie in memory favors one variant by more than the difference that is measured, while the streams live. So
 * each cell opens new ones several times.
 */
const REPEATS = 8;

/** With that many sessions, a turn has a single send, which varies more. */
const MANY = 1_000;
const BUDGET_FACTOR = 3;

/** Makes scope names unique: a manager of an earlier scope may not be collected yet. */
let scopes = 0;

/**
 * @param {boolean} quick
 * @returns {Cell[]}
 */
export function singleThreadScopeCells(quick) {
	const all = (quick ? [10] : [1, 10, 1_000]).map((sessions) => cell(sessions, 'all'));
	return [...all, ...(quick ? [1] : [1, 1_000]).map((sessions) => cell(sessions, 'one'))];
}

/**
 * @param {number} sessions
 * @param {Cell['kind']} kind
 * @returns {Cell}
 */
function cell(sessions, kind) {
	const name = `send ${text.name} to ${kind} of ${sessionCount(sessions)} in a scope of one thread`;
	return { name, sessions, kind };
}

/**
 * @param {Cell[]} cells
 * @param {Budget} budget
 * @param {(line: string) => void} log
 */
export async function measureSingleThreadScope(cells, budget, log) {
	const results = [];
	for (const cell of cells) {
		const result = await measureCell(cell, budget);
		const ratio = result.vsPlain.median.toFixed(3);
		log(`threads: ${cell.name}: ${ratio}x the time without a scope (${result.rounds} rounds)`);
		results.push(result);
	}
	return results;
}

/**
 * @param {Cell} cell
 * @param {Budget} budget
 */
async function measureCell({ name, sessions, kind }, budget) {
	/** @type {Record<Variant, number[]>} */
	const samples = { plain: [], scoped: [] };
	const ms = kind === 'all' && sessions >= MANY ? budget.ms * BUDGET_FACTOR : budget.ms;
	const share = { ms: ms / REPEATS, minRounds: Math.ceil(budget.minRounds / REPEATS) };
	for (let times = 0; times < REPEATS; times++) {
		collectAll();
		const { plain, scoped } = await measureOnce(sessions, kind, share);
		samples.plain.push(...plain);
		samples.scoped.push(...scoped);
	}
	return {
		name,
		sessions,
		kind,
		rounds: samples.plain.length,
		ns: { plain: spread(samples.plain), scoped: spread(samples.scoped) },
		/** Time with a scope divided by the time without one. */
		vsPlain: ratios(samples.scoped, samples.plain),
	};
}

/**
 * @param {number} sessions
 * @param {Cell['kind']} kind
 * @param {Budget} budget
 */
async function measureOnce(sessions, kind, budget) {
	const ids = makeIds(sessions);
	const sets = {
		plain: emptySet(new InMemoryStreamSessionManager()),
		scoped: emptySet(new InMemoryStreamSessionManager({ scope: `bench of one thread ${++scopes}` })),
	};
	// Alternating, and each is the first for half of the sessions.
	for (const [index, id] of ids.entries()) {
		const order = [sets.plain, sets.scoped];
		for (const set of (index + scopes) % 2 ? order : order.reverse()) openSession(set, copy(id));
	}
	const targets = targetsOf(kind, ids);
	for (const variant of VARIANTS) await checkSend(titles[variant], sets[variant], targets[0], text);
	const plan = planOf(sessions, kind, text, false);
	const batch = Array.from({ length: plan.sends }, (_, index) => targets[index % targets.length]);
	const samples = await interleave(
		{
			plain: () => timeTurn(sets.plain, batch, text, plan),
			scoped: () => timeTurn(sets.scoped, batch, text, plan),
		},
		budget,
		plan.clean,
	);
	for (const variant of VARIANTS) checkEmpty(titles[variant], sets[variant]);
	return samples;
}
