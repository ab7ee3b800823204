// All rows by the number of nodes.

import { redisTitlesOf } from '../../harness/versions.mjs';
import { factorWithQuartiles, perSecond, table, time, timeWithQuartiles } from '../format.mjs';

/** @typedef {import('../results.mjs').Results} Results */
/** @typedef {NonNullable<Results['nodes']>} NodesResults */
/** @typedef {import('../../redis/nodes/sides.mjs').SideName} SideName */
/** @typedef {NodesResults['traffic'][number]} TrafficRow */

const CONSUMERS = /** @type {const} */ ({
	redis: 'Redis',
	sender: "the sender's main thread",
	senderWhole: 'the sender, all threads',
	receiver: "the receiver's main thread",
	receiverWhole: 'the receiver, all threads',
	p50: 'latency, p50',
	p99: 'latency, p99',
});

/** @param {Results} results */
export function nodeSections({ nodes }) {
	if (!nodes) return [];
	const { about, server, before } = nodes;
	const titles = nodeTitles(nodes);
	return [
		'',
		'## Redis by number of nodes',
		'',
		`All sides use one server, Redis ${server} with \`appendonly yes\`, in turns. The sender, the receiver, and one node that messages to`,
		'sessions of the receiver do not concern, are processes; further nodes are in one process. The CPU time is per message.',
		'',
		...(before ? [`- ${titles.before}: this package at commit \`${before}\`, with one stream for all nodes.`] : []),
		`- ${titles.pubSub}: the manager that is described above.`,
		`- ${titles.streamsAdapter}: the adapter of socket.io, with a room per session, and with streams in place of sockets.`,
		`- ${titles.ours}: commit \`${about.commit}\`, measured on ${about.date}.`,
		...traffic(nodes, titles),
		...uninvolved(nodes, titles),
		...growth(nodes),
		...lookups(nodes, titles),
		...bursts(nodes, titles),
		...storms(nodes, titles),
	];
}

/** @param {NodesResults} results */
export function nodeTitles({ about, before }) {
	return { ...redisTitlesOf(about), before: `this package at ${before}` };
}

/** @param {{ ns: Partial<Record<SideName, unknown>> }} row */
function namesIn({ ns }) {
	return /** @type {SideName[]} */ (Object.keys(ns));
}

/**
 * @param {NodesResults} results
 * @param {ReturnType<typeof nodeTitles>} titles
 */
function traffic({ traffic }, titles) {
	if (traffic.length === 0) return [];
	const names = namesIn(traffic[0]);
	const others = names.filter((name) => name !== 'ours');
	const measures = /** @type {[keyof typeof CONSUMERS, string][]} */ (Object.entries(CONSUMERS));
	return [
		'',
		'### Messages by number of nodes',
		'',
		'What the nodes and Redis cost in the same time without messages is subtracted. 1 ns stands for what is below the noise.',
		'',
		...table(
			['', 'of', ...names.map((name) => titles[name]), ...others.map((name) => `${titles[name]} / this package`)],
			traffic.flatMap((row) =>
				measures
					// In a burst, most of the time of a message is that of the messages before it.
					.filter(([measure]) => row.pace === 'single' || !measure.startsWith('p'))
					.map(([measure, title]) => [
						shortName(row.name),
						title,
						...names.map((name) => timeWithQuartiles(row.ns[name][measure])),
						...others.map((name) => factorWithQuartiles(row.vs[name][measure])),
					]),
			),
		),
	];
}

/**
 * @param {NodesResults} results
 * @param {ReturnType<typeof nodeTitles>} titles
 */
function uninvolved({ traffic }, titles) {
	const rows = traffic.filter(({ uninvolved }) => uninvolved);
	if (rows.length === 0) return [];
	const names = namesIn(rows[0]);
	return [
		'',
		'### A node that the messages are not for',
		'',
		'CPU time of all its threads per message, on average. What it uses while the other sides send is subtracted.',
		'',
		...table(
			['', ...names.map((name) => titles[name])],
			rows.map(({ name, uninvolved }) => [
				shortName(name),
				...names.map((side) => (uninvolved ? time(Math.max(0, uninvolved[side])) : '')),
			]),
		),
	];
}

/** @param {NodesResults} results */
function growth({ growth = [] }) {
	if (growth.length === 0) return [];
	const [{ few, many }] = growth;
	return [
		'',
		`### Redis with ${many} nodes, beside Redis with ${few}`,
		'',
		'CPU time of Redis per message. Only this package runs, with both numbers of nodes, in turns.',
		'',
		...table(
			['', `${few} nodes`, `${many} nodes`, `${many} nodes / ${few} nodes`],
			growth.map(({ name, ns, growth }) => [
				shortName(name),
				timeWithQuartiles(ns.few),
				timeWithQuartiles(ns.many),
				factorWithQuartiles(growth),
			]),
		),
	];
}

/**
 * @param {NodesResults} results
 * @param {ReturnType<typeof nodeTitles>} titles
 */
function lookups({ has }, titles) {
	if (has.length === 0) return [];
	return [
		'',
		'### `has` of a session of another node',
		'',
		'The time of one call, and the commands that Redis runs for it. Commands in a script count, too.',
		'',
		...table(
			['', ...namesIn(has[0]).map((name) => titles[name])],
			has.map((row) => [
				shortName(row.name),
				...namesIn(row).map((name) => `${time(row.ns[name].median)}: ${commandList(row.commands[name])}`),
			]),
		),
	];
}

/** @param {Record<string, number>} commands */
function commandList(commands) {
	return Object.entries(commands)
		.map(([name, count]) => `${count} ${name.replace('|', ' ')}`)
		.join(', ');
}

/**
 * @param {NodesResults} results
 * @param {ReturnType<typeof nodeTitles>} titles
 */
function bursts({ bursts }, titles) {
	return bursts.flatMap((row) => [
		'',
		`### O${shortName(row.name).slice(1)}`,
		'',
		'All messages are sent in one turn of the event loop. What arrives is in order, and nothing arrives twice.',
		'',
		...table(
			['', 'messages per second that arrive', 'lost in each burst'],
			namesIn(row).map((name) => [titles[name], perSecond(1, row.ns[name].median), row.lost[name].join(', ')]),
		),
	]);
}

/**
 * @param {NodesResults} results
 * @param {ReturnType<typeof nodeTitles>} titles
 */
function storms({ storms }, titles) {
	return storms.flatMap(({ name, values, lost, bytes }) => [
		'',
		`### ${shortName(name)}`,
		'',
		'The time until all sessions are registered in Redis, and the latency of messages between two other nodes meanwhile, one per',
		'millisecond. The processes with the sessions run when no other can (SCHED_IDLE), as if each had a core of its own. The adapter',
		'of socket.io registers sessions only in their own process.',
		'',
		...table(
			[
				'',
				'all registered',
				'latency, p50',
				'latency, p99',
				'lost messages in each round',
				'memory of Redis per session',
			],
			/** @type {SideName[]} */ (Object.keys(values)).map((side) => [
				titles[side],
				timeWithQuartiles(values[side].ns),
				timeWithQuartiles(values[side].p50),
				timeWithQuartiles(values[side].p99),
				lost[side].join(', '),
				`${Math.max(0, bytes[side]).toFixed(0)} B`,
			]),
		),
	]);
}

/** @param {string} name */
function shortName(name) {
	return name.replace(/^nodes: /, '');
}
