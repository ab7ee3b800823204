// What a scope costs whom it is of no use: `send` to sessions of the same thread, the only one in its scope, beside a
// manager without a scope.

import { InMemoryStreamSessionManager } from '../../lib/index.js';
import { asciiTexts, copy, makeIds } from '../harness/test-data.mjs';
import { crowd, join } from '../streams/session-set.mjs';
import { collectAll, interleave } from '../harness/interleave.mjs';
import { checkAnswers, checkEmpty, planOf, targetsOf, timeTurn } from '../streams/send.mjs';
import { ratios, spread } from '../harness/stats.mjs';

/** @typedef {import('../harness/interleave.mjs').Budget} Budget */
/** @typedef {{ name: string, sessions: number, kind: 'everyone' | 'one' }} Cell */
/** @typedef {'plain' | 'scoped'} SideName */

/** @type {Record<SideName, string>} */
const titles = { plain: 'no scope', scoped: 'a scope' };

const text = asciiTexts[0];

// Where its streams happen to lie in memory favours one side or the other by more than there is to be measured, for as
// long as they live.
const POPULATIONS = 8;

/** For a send to so many sessions, which is a turn of its own and varies more. */
const MANY = 1_000;
const TIMES_AS_LONG = 3;

/** Distinguishes the scopes: a manager that is not collected yet is still in its own. */
let scopes = 0;

/**
 * @param {boolean} quick
 * @returns {Cell[]}
 */
export function aloneCells(quick) {
	const everyone = (quick ? [10] : [1, 10, 1_000]).map((sessions) => cell(sessions, 'everyone'));
	return [...everyone, ...(quick ? [1] : [1, 1_000]).map((sessions) => cell(sessions, 'one'))];
}

/**
 * @param {number} sessions
 * @param {Cell['kind']} kind
 * @returns {Cell}
 */
function cell(sessions, kind) {
	const name = `send ${text.name} to ${kind} of ${sessions.toLocaleString('en')} in a scope of one thread`;
	return { name, sessions, kind };
}

/**
 * @param {Cell[]} cells
 * @param {Budget} budget
 * @param {(line: string) => void} log
 */
export async function measureAlone(cells, budget, log) {
	const results = [];
	for (const cell of cells) {
		const result = await measureCell(cell, budget);
		log(`${cell.name}: ${result.vsPlain.median.toFixed(3)}x of a manager without (${result.rounds} rounds)`);
		results.push(result);
	}
	return results;
}

/**
 * @param {Cell} cell
 * @param {Budget} budget
 */
async function measureCell({ name, sessions, kind }, budget) {
	/** @type {Record<SideName, number[]>} */
	const samples = { plain: [], scoped: [] };
	const ms = kind === 'everyone' && sessions >= MANY ? budget.ms * TIMES_AS_LONG : budget.ms;
	const share = { ms: ms / POPULATIONS, leastRounds: Math.ceil(budget.leastRounds / POPULATIONS) };
	for (let times = 0; times < POPULATIONS; times++) {
		collectAll();
		const { plain, scoped } = await measurePopulation(sessions, kind, share);
		samples.plain.push(...plain);
		samples.scoped.push(...scoped);
	}
	return {
		name,
		sessions,
		kind,
		rounds: samples.plain.length,
		ns: { plain: spread(samples.plain), scoped: spread(samples.scoped) },
		vsPlain: ratios(samples.scoped, samples.plain),
	};
}

/**
 * @param {number} sessions
 * @param {Cell['kind']} kind
 * @param {Budget} budget
 */
async function measurePopulation(sessions, kind, budget) {
	const ids = makeIds(sessions);
	const crowds = {
		plain: crowd(new InMemoryStreamSessionManager()),
		scoped: crowd(new InMemoryStreamSessionManager({ scope: `alone ${++scopes}` })),
	};
	// Side by side, and neither always the first.
	for (const [place, id] of ids.entries()) {
		const sides = [crowds.plain, crowds.scoped];
		for (const side of (place + scopes) % 2 ? sides : sides.reverse()) join(side, copy(id));
	}
	const targets = targetsOf(kind, ids);
	for (const side of /** @type {SideName[]} */ (['plain', 'scoped'])) {
		await checkAnswers(titles[side], crowds[side], targets[0], text);
	}
	const plan = planOf(sessions, kind, text, false);
	const batch = Array.from({ length: plan.sends }, (_, index) => targets[index % targets.length]);
	const samples = await interleave(
		{
			plain: () => timeTurn(crowds.plain, batch, text, plan),
			scoped: () => timeTurn(crowds.scoped, batch, text, plan),
		},
		budget,
		plan.clean,
	);
	for (const side of /** @type {SideName[]} */ (['plain', 'scoped'])) checkEmpty(titles[side], crowds[side]);
	return samples;
}
