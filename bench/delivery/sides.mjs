// The compared servers, and which of them can be measured here.

import { axumBinary } from './axum-binary.mjs';

/** @typedef {import('./side.mjs').SideName} SideName */
/** @typedef {import('./managers.mjs').From} From */

/**
 * The servers whose messages are sent from there. Upstream's Redis manager cannot be used: see redis/upstream-failures.mjs.
 *
 * @type {Record<From, SideName[]>}
 */
const SIDES = {
	main: ['upstream', 'ours', 'native', 'betterSse', 'axum'],
	worker: ['upstream', 'ours', 'native'],
	redis: ['pubSub', 'ours', 'native'],
};

/**
 * Finds the servers, and logs why one is left out.
 *
 * @param {boolean} quick
 * @param {boolean} withAxum false if no row needs it
 * @param {(line: string) => void} log
 */
export function findSides(quick, withAxum, log) {
	const { path: axum, missing } = withAxum ? axumBinary(!quick) : {};
	if (missing !== undefined) log(`delivery: axum is left out: ${missing}`);
	return {
		axum,
		/** @param {From} from */
		namesFrom: (from) => SIDES[from].filter((name) => name !== 'axum' || axum !== undefined),
	};
}
