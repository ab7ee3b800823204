// Interleaving: every side has a turn in every round, each round in another order, until the time is used up.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
/** @type {(options?: { type: 'minor' }) => void} */
const gc = runInNewContext('gc');

/**
 * @typedef {object} Budget
 * @property {number} ms that all rounds of one cell may take, the least number of rounds aside
 * @property {number} leastRounds
 */

/** @type {Budget} */
export const FULL = { ms: 3000, leastRounds: 12 };
/** @type {Budget} */
export const QUICK = { ms: 150, leastRounds: 3 };

const MOST_ROUNDS = 400;
const WARM_UP_SHARE = 0.2;

/**
 * Times every side in turn.
 *
 * @template {string} Name
 * @param {Record<Name, () => Promise<number>>} turns each gives nanoseconds an operation
 * @param {Budget} budget
 * @param {() => void} [clean] collects garbage between turns
 * @returns {Promise<Record<Name, number[]>>} a sample a round for each side
 */
export async function interleave(turns, budget, clean = collectYoung) {
	const names = /** @type {Name[]} */ (Object.keys(turns));
	const samples = /** @type {Record<Name, number[]>} */ (Object.fromEntries(names.map((name) => [name, []])));
	// A plain rotation would have each side always follow the same one, and pay for what that one leaves behind.
	const orders = permutations(names);
	/** @param {number} round */
	const play = async (round) => {
		// 7 has no divisor in common with the number of orders, and so comes by all of them, far ones first.
		for (const name of orders[(round * 7) % orders.length]) {
			// What one side has left behind is not to be cleared away on another's time.
			clean();
			samples[name][round] = await turns[name]();
		}
	};

	const warm = performance.now() + budget.ms * WARM_UP_SHARE;
	for (let round = 0; round < 2 || performance.now() < warm; round++) await play(round);
	for (const name of names) samples[name] = [];

	const end = performance.now() + budget.ms;
	for (let round = 0; round < budget.leastRounds || performance.now() < end; round++) {
		if (round === MOST_ROUNDS) break;
		await play(round);
	}
	return samples;
}

/**
 * @template T
 * @param {T[]} items
 * @returns {T[][]} every order they can stand in
 */
function permutations(items) {
	if (items.length < 2) return [items];
	return items.flatMap((first) => permutations(items.filter((item) => item !== first)).map((rest) => [first, ...rest]));
}

/**
 * Collects what has just been made and let go: enough after small chunks. A collection frees buffers on another thread, and
 * whoever makes the next one waits for that: without the second collection, the side that comes after.
 */
export function collectYoung() {
	gc({ type: 'minor' });
	gc({ type: 'minor' });
}

/** Collects everything, and waits for it likewise. */
export function collectAll() {
	gc();
	gc({ type: 'minor' });
}
