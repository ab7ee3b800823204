// `coalesce` where it is meant for: bursts of messages over HTTP, each of which is a write otherwise.

import { measureServer } from '../e2e/measure.mjs';
import { interleave } from '../harness/interleave.mjs';
import { ratios, spread } from '../harness/stats.mjs';

const BURST = 10;
const CLIENTS = [10, 100, 500];
const QUICK_CLIENTS = [10];
const DELIVERIES = 60_000;
const QUICK_DELIVERIES = 20_000;
const ROUNDS = 5;
const QUICK_ROUNDS = 1;

/** @param {boolean} quick */
export function burstCells(quick) {
	return (quick ? QUICK_CLIENTS : CLIENTS).map((clients) => ({
		name: `options: bursts of ${BURST} over HTTP to ${clients} clients`,
		clients,
		burst: BURST,
		messages: BURST * Math.ceil((quick ? QUICK_DELIVERIES : DELIVERIES) / clients / BURST),
	}));
}

/**
 * @param {ReturnType<typeof burstCells>[number]} cell
 * @param {boolean} quick
 * @param {(line: string) => void} log
 */
export async function measureBursts(cell, quick, log) {
	const rounds = quick ? QUICK_ROUNDS : ROUNDS;
	const { upstream, ours, coalesced } = await interleave(
		{
			upstream: () => measureServer('upstream', cell),
			ours: () => measureServer('ours', cell),
			coalesced: () => measureServer('coalesced', cell),
		},
		{ ms: 0, leastRounds: rounds },
		() => {},
	);
	const row = {
		...cell,
		rounds,
		/** The server's CPU time for each message delivered. */
		ns: { upstream: spread(upstream), ours: spread(ours), coalesced: spread(coalesced) },
		/** What upstream takes, by what we do with `coalesce`. */
		vsUpstream: ratios(upstream, coalesced),
		/** And what we do without. */
		vsOurs: ratios(ours, coalesced),
	};
	log(
		`${cell.name}: ${row.vsUpstream.median.toFixed(2)}x of upstream, ${row.vsOurs.median.toFixed(2)}x of no coalesce`,
	);
	return row;
}
