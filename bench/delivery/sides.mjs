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
export async function findSides(quick, withAxum, log) {
	const axum = withAxum ? axumBinary(!quick) : { missing: undefined };
	if ('missing' in axum && axum.missing) log(`delivery: axum is left out: ${axum.missing}`);
	const hasNative = 'attachNativeDelivery' in (await import('../../lib/node.js'));
	if (!hasNative) log('delivery: native delivery is left out: this version of the package does not have it');
	/** @param {SideName} name */
	const isPresent = (name) => (name === 'axum' ? 'path' in axum : name !== 'native' || hasNative);
	return {
		axum: 'path' in axum ? axum.path : undefined,
		/** @param {From} from */
		namesFrom: (from) => SIDES[from].filter(isPresent),
	};
}
