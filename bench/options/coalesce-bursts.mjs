// `coalesce`: bursts of messages over HTTP. Without the option, each message is a write to each socket.

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
		name: `options: coalesce, bursts of ${BURST} messages over HTTP to ${clients} clients`,
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
		{ ms: 0, minRounds: rounds },
		() => {},
	);
	const row = {
		...cell,
		rounds,
		/** CPU time of the server per delivered message. */
		ns: { upstream: spread(upstream), ours: spread(ours), coalesced: spread(coalesced) },
		/** Upstream's time divided by ours with `coalesce`. */
		vsUpstream: ratios(upstream, coalesced),
		/** Our time without `coalesce` divided by that with it. */
		vsOurs: ratios(ours, coalesced),
	};
	const [ofUpstream, ofOurs] = [row.vsUpstream, row.vsOurs].map(({ median }) => median.toFixed(2));
	log(`${cell.name}: ${ofUpstream}x as fast as upstream, ${ofOurs}x as fast as without coalesce`);
	return row;
}
