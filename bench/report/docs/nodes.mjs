// For the docs: what each further node costs.

import { nodeTitles } from '../all-rows/nodes.mjs';
import { measuredOn, perSecond, table, time } from '../format.mjs';

/** @typedef {import('../results.mjs').Results} Results */
/** @typedef {NonNullable<Results['nodes']>} NodesResults */
/** @typedef {NodesResults['traffic'][number]} TrafficRow */
/** @typedef {import('../../redis/nodes/sides.mjs').SideName} SideName */

/** The rows for each number of nodes. */
const CHOSEN = /** @type {const} */ ([
	['one', 'single', 'redis', 'CPU time of Redis for a single message to another node'],
	['one', 'burst', 'redis', 'CPU time of Redis for a message of a burst to another node'],
	['one', 'single', 'uninvolved', 'CPU time of a node that the message is not for'],
	['all', 'single', 'redis', 'CPU time of Redis for a single broadcast'],
	['all', 'burst', 'redis', 'CPU time of Redis for a broadcast of a burst'],
	['one', 'single', 'p50', 'from `send` until it is read, p50'],
]);

/** Stands for what is below the noise. */
const NOISE_NS = 1;

/** @param {Results} results */
export function nodeFigures({ nodes }) {
	if (!nodes || nodes.traffic.length === 0 || nodes.storms.length === 0 || nodes.bursts.length === 0) return [];
	const { about, before, server, traffic } = nodes;
	const titles = nodeTitles(nodes);
	const sides = /** @type {SideName[]} */ (Object.keys(traffic[0].ns));
	const numbers = [...new Set(traffic.map((row) => row.nodes))];
	const heads = sides.map((side) => titles[side]);
	return [
		measuredOn(about, server),
		...(before ? [`Commit \`${before}\` is this package with one stream for all nodes.`] : []),
		'',
		`With ${numbers.join(' / ')} nodes:`,
		'',
		...table(
			['', ...heads],
			CHOSEN.map(([kind, pace, measure, title]) => [
				title,
				...sides.map((side) =>
					numbers.map((number) => figureOf(traffic, number, kind, pace, side, measure)).join(' / '),
				),
			]),
		),
		'',
		...table(['', ...heads], [...hasLines(nodes, sides), ...burstLines(nodes, sides), ...stormLines(nodes, sides)]),
	];
}

/**
 * @param {TrafficRow[]} traffic
 * @param {number} nodes
 * @param {TrafficRow['kind']} kind
 * @param {TrafficRow['pace']} pace
 * @param {SideName} side
 * @param {keyof TrafficRow['ns'][SideName] | 'uninvolved'} measure
 */
function figureOf(traffic, nodes, kind, pace, side, measure) {
	const row = traffic.find((row) => row.nodes === nodes && row.kind === kind && row.pace === pace);
	// With two nodes, a message is for the only other one.
	const ns = measure === 'uninvolved' ? row?.uninvolved?.[side] : row?.ns[side][measure].median;
	if (ns === undefined) return '–';
	return ns <= NOISE_NS ? '0' : time(ns);
}

/**
 * @param {NodesResults} results
 * @param {SideName[]} sides
 */
function hasLines({ has }, sides) {
	const row = has.at(-1);
	if (row === undefined) return [];
	const count = (/** @type {SideName} */ side) =>
		Object.values(row.commands[side]).reduce((sum, count) => sum + count, 0);
	return [
		[
			`\`has\` of a session of another node, ${row.nodes} nodes: time, commands that Redis runs`,
			...sides.map((side) => `${time(row.ns[side].median)}, ${count(side)}`),
		],
	];
}

/**
 * @param {NodesResults} results
 * @param {SideName[]} sides
 */
function burstLines({ bursts }, sides) {
	return bursts.flatMap(({ messages, ns, lost }) => [
		[
			`${messages.toLocaleString('en')} messages at once to another node: messages per second that arrive`,
			...sides.map((side) => perSecond(1, ns[side].median)),
		],
		[
			'lost, on average',
			...sides.map((side) => {
				const sum = lost[side].reduce((sum, count) => sum + count, 0);
				return Math.round(sum / lost[side].length).toLocaleString('en');
			}),
		],
	]);
}

/**
 * @param {NodesResults} results
 * @param {SideName[]} sides
 */
function stormLines({ storms }, sides) {
	return storms.flatMap(({ name, values, bytes }) => {
		const storm = name.replace(/^nodes: /, '');
		return [
			[`${storm}: all registered after`, ...sides.map((side) => time(values[side].ns.median))],
			[
				'p99 from `send` until it is read, between two other nodes meanwhile',
				...sides.map((side) => time(values[side].p99.median)),
			],
			['memory of Redis per session', ...sides.map((side) => `${Math.max(0, bytes[side]).toFixed(0)} B`)],
		];
	});
}
