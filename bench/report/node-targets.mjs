// The targets of several nodes with Redis. The commit before is the last one with one stream for all nodes.

import { PACES } from '../redis/nodes/cells.mjs';
import { max } from './target-kinds.mjs';

/** @typedef {import('./results.mjs').Measured} Measured */
/** @typedef {import('./target-kinds.mjs').Target} Target */
/** @typedef {NonNullable<Measured['nodes']>['traffic'][number]} TrafficRow */
/** @typedef {keyof TrafficRow['vs'][keyof TrafficRow['vs']]} Measure */

/** A node that a message is not for: what is less is noise. */
const MAX_BYSTANDER_NS = 1_000;
/** As much as before: the error of these rows on two cores, seen with the same code on both sides. */
const EQUAL = 1.1;
const MAX_P99_NS = 10_000_000;

/** @type {Target[]} */
export const nodeTargets = [
	...PACES.map((pace) =>
		vsBefore(0.6, `message to another node, 16 nodes, ${pace}: CPU time of Redis`, 'redis', (row) => {
			return row.kind === 'one' && row.nodes === 16 && row.pace === pace;
		}),
	),
	...PACES.map((pace) =>
		vsBefore(1.5, `message to another node, 2 nodes, ${pace}: CPU time of Redis`, 'redis', (row) => {
			return row.kind === 'one' && row.nodes === 2 && row.pace === pace;
		}),
	),
	...PACES.map(
		/** @returns {Target} */
		(pace) => ({
			name: `nodes: message to another node, ${pace}: CPU time of Redis, 16 nodes / 2 nodes`,
			bound: 'at most',
			target: 1.25,
			unit: 'x',
			valueIn: ({ nodes }) =>
				nodes?.growth?.find((row) => row.pace === pace && row.many === 16 && row.few === 2)?.growth.median,
		}),
	),
	...PACES.map((pace) =>
		vsBefore(1.6, `broadcast, any number of nodes, ${pace}: CPU time of Redis, highest ratio`, 'redis', (row) => {
			return row.kind === 'all' && row.pace === pace;
		}),
	),
	...['sender', 'receiver'].flatMap((side) =>
		PACES.map((pace) =>
			vsBefore(
				EQUAL,
				`${pace}: CPU time of the ${side}'s main thread, median of the ratios`,
				side,
				(row) => row.pace === pace,
				median,
			),
		),
	),
	vsBefore(1.2, 'message to another node, single: latency, p50, highest ratio', 'p50', (row) => {
		return row.kind === 'one' && row.pace === 'single';
	}),
	vsBefore(1.2, 'broadcast, any number of nodes, single: latency, p50, highest ratio', 'p50', (row) => {
		return row.kind === 'all' && row.pace === 'single';
	}),
	{
		name: 'nodes: CPU time of a node per message that is for another node, highest value',
		bound: 'at most',
		target: MAX_BYSTANDER_NS,
		unit: 'ns',
		valueIn: ({ nodes }) =>
			max((nodes?.traffic ?? []).flatMap(({ uninvolved }) => (uninvolved ? Math.max(0, uninvolved.ours) : []))),
	},
	{
		name: 'nodes: latency between two nodes while sessions are opened on others, p99',
		bound: 'at most',
		target: MAX_P99_NS,
		unit: 'ns',
		valueIn: ({ nodes }) => max((nodes?.storms ?? []).map(({ values }) => values.ours.p99.median)),
	},
	{
		name: 'nodes: messages that are lost in bursts and while sessions are opened',
		bound: 'at most',
		target: 0,
		unit: 'count',
		valueIn: ({ nodes }) => max([...(nodes?.bursts ?? []), ...(nodes?.storms ?? [])].flatMap(({ lost }) => lost.ours)),
	},
];

/**
 * The value of this package divided by that of the commit before.
 *
 * @param {number} target
 * @param {string} name
 * @param {Measure} measure
 * @param {(row: TrafficRow) => boolean} isChosen
 * @param {(ratios: number[]) => number | undefined} pick which of the ratios of the chosen rows
 * @returns {Target}
 */
function vsBefore(target, name, measure, isChosen, pick = max) {
	return {
		name: `nodes: ${name}, this package / the commit before`,
		bound: 'at most',
		target,
		unit: 'x',
		valueIn: ({ nodes }) =>
			pick(
				(nodes?.traffic ?? [])
					.filter((row) => isChosen(row) && row.vs.before)
					.map(({ vs }) => 1 / vs.before[measure].median),
			),
	};
}

/** @param {number[]} numbers */
function median(numbers) {
	return numbers.length === 0 ? undefined : numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)];
}
