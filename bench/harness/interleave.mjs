// Interleaved timing: each implementation has one turn per round, in an order that changes from round to round.

import { collectYoung } from './gc.mjs';

/**
 * @typedef {object} Budget
 * @property {number} ms time for the rounds of one cell
 * @property {number} minRounds minimum number of rounds, even when they take longer than `ms`
 * @property {number} [minWarmUpRounds] minimum number of rounds before them, default 2
 */

/** @type {Budget} */
export const FULL = { ms: 3000, minRounds: 12 };
/** @type {Budget} */
export const QUICK = { ms: 150, minRounds: 3 };

const MAX_ROUNDS = 400;
const WARM_UP_SHARE = 0.2;
const MIN_WARM_UP_ROUNDS = 2;
/** Puts unlike orders next to each other, and visits all orders of up to six implementations. */
const ORDER_STEP = 7;

/**
 * Times each implementation once per round, until the budget is used up. Warm-up rounds come first and are not counted.
 *
 * @template {string} Name
 * @param {Record<Name, () => Promise<number>>} turns each resolves to the nanoseconds per operation
 * @param {Budget} budget
 * @param {() => void} [clean] called before each turn; collects the garbage of the turn before
 * @returns {Promise<Record<Name, number[]>>} one sample per round and implementation
 */
export async function interleave(turns, budget, clean = collectYoung) {
	const names = /** @type {Name[]} */ (Object.keys(turns));
	/** @type {any} */
	const samples = Object.fromEntries(names.map((name) => [name, []]));
	// In a plain rotation each implementation would always follow the same one, and pay for its side effects.
	const orders = permutations(names);
	/** @param {number} round */
	const runRound = async (round) => {
		for (const name of orders[(round * ORDER_STEP) % orders.length]) {
			clean();
			samples[name][round] = await turns[name]();
		}
	};

	const warmUpEnd = performance.now() + budget.ms * WARM_UP_SHARE;
	const { minWarmUpRounds = MIN_WARM_UP_ROUNDS } = budget;
	for (let round = 0; round < minWarmUpRounds || performance.now() < warmUpEnd; round++) await runRound(round);
	for (const name of names) samples[name] = [];

	const end = performance.now() + budget.ms;
	for (let round = 0; round < budget.minRounds || performance.now() < end; round++) {
		if (round === MAX_ROUNDS) break;
		await runRound(round);
	}
	return samples;
}

/**
 * Returns every order of the items.
 *
 * @template T
 * @param {T[]} items
 * @returns {T[][]}
 */
function permutations(items) {
	if (items.length < 2) return [items];
	return items.flatMap((first) => permutations(items.filter((item) => item !== first)).map((rest) => [first, ...rest]));
}
