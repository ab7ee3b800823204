// All rows of several nodes with Redis.

import { redisTitlesOf } from '../../harness/versions.mjs';
import { commandsPerBroadcast, countsPerBroadcast } from '../../redis/commands.mjs';
import { IMPLEMENTATIONS, IMPLEMENTATIONS_OF_TRAFFIC } from '../../redis/implementations.mjs';
import { factorWithQuartiles, perSecond, table, timeWithQuartiles } from '../format.mjs';

/** @typedef {import('../results.mjs').Results} Results */
/** @typedef {NonNullable<Results['redis']>} RedisResults */
/** @typedef {ReturnType<typeof redisTitlesOf>} Titles */
/** @typedef {import('../../harness/stats.mjs').Spread} Spread */

const NOT_MEASURED = '–';

/** Whose CPU time a row has. */
const CONSUMERS = /** @type {const} */ ({
	sender: "the sender's main thread",
	senderWhole: 'the sender, all threads',
	receiver: "the receiver's main thread",
	receiverWhole: 'the receiver, all threads',
	bystander: 'main thread of a node without a recipient',
	bystanderWhole: 'all threads of a node without a recipient',
	redis: 'Redis',
});

/** @param {Results} results */
export function redisSections({ redis }) {
	if (!redis) return [];
	const { about } = redis;
	const titles = redisTitlesOf(about);
	return [
		'',
		'## Several nodes with Redis',
		'',
		`The nodes are processes on one machine. Redis ${redis.server} runs on the same machine, with \`appendonly yes\`. This package is`,
		`compared with \`@tmcp/${titles.upstream}\` and with a manager in JavaScript that was written for this benchmark.`,
		'That manager uses pub/sub with one channel for broadcasts and one for each session, and delivers to local sessions at once.',
		'It gives fewer guarantees: messages that are sent while a connection is down are lost. It uses the client `redis` 5,',
		'because `publish` of `redis` 6 takes twice as long. "One channel in JS" is a simpler manager with one channel for all',
		`messages. Measured on ${about.date}: commit \`${about.commit}\`.`,
		'',
		...upstreamFailures(redis, titles),
		...commands(redis, titles),
		...latencies(redis, titles),
		...cpuTime(redis, titles),
		...backlogs(redis, titles),
	];
}

/**
 * @param {RedisResults} redis
 * @param {Titles} titles
 */
function upstreamFailures({ upstreamFailures: { sends, aged } }, titles) {
	return [
		`\`@tmcp/${titles.upstream}\` cannot send from a node that has a session. Of two nodes with one session each, one sends:`,
		'',
		...table(
			['to', 'arrived', 'the process that sends'],
			sends.map(({ to, expected, arrived, code, error }) => [
				to,
				`${arrived} of ${expected}`,
				code === 0 ? 'continues' : `ends with exit code ${code}: ${error.replaceAll('|', '\\|')}`,
			]),
		),
		'',
		...(aged
			? [
					`After ${aged.afterMs / 1_000} s, another node knew ${aged.known} of the ${aged.sessions} sessions of a node. A broadcast reaches only known sessions.`,
				]
			: []),
		`In the rows below, all implementations send from a node without sessions. Where commands are counted, only`,
		`\`@tmcp/${titles.upstream}\` does. Its broadcasts are measured only there, because the sessions that it knows expire.`,
	];
}

/**
 * @param {RedisResults} redis
 * @param {Titles} titles
 */
function commands({ commands }, titles) {
	if (!commands) return [];
	const { name, windowMs, counts } = commands;
	const seconds = windowMs / 1_000;
	return [
		'',
		`### C${name.slice(1)}`,
		'',
		`The commands that nodes send in ${seconds} s with broadcasts and in ${seconds} s without. The difference is divided by the number of`,
		'broadcasts. `xread` is a blocking read: it waits in Redis for the next entry, and each node repeats it after each entry.',
		'',
		...table(
			['', 'per broadcast', 'without blocking reads', `in ${seconds} s without broadcasts`, 'to open the sessions'],
			IMPLEMENTATIONS.map((implementation) => {
				const counted = counts[implementation];
				return [
					titles[implementation],
					list(countsPerBroadcast(counted)),
					`**${commandsPerBroadcast(counted).toLocaleString('en')}**`,
					list(counted.idle),
					list(counted.opened),
				];
			}),
		),
	];
}

/** @param {Record<string, number>} counts */
function list(counts) {
	const entries = Object.entries(counts).sort(([, a], [, b]) => b - a);
	return entries.map(([name, count]) => `${count.toLocaleString('en')} ${name}`).join(', ') || 'none';
}

/**
 * @param {RedisResults} redis
 * @param {Titles} titles
 */
function latencies({ traffic }, titles) {
	if (traffic.length === 0) return [];
	return [
		'',
		'### Latency between two nodes',
		'',
		'The time from `send` in one process until a reader in another process has the chunk. The figures are the medians of the p50',
		'and of the p99 of all rounds.',
		'',
		...table(
			['', '', ...IMPLEMENTATIONS_OF_TRAFFIC.map((name) => titles[name]), 'pub/sub in JS / this package'],
			traffic.flatMap(({ name, ns, vsPubSub }) =>
				/** @type {const} */ (['p50', 'p99']).map((percentile) => [
					name,
					percentile,
					...IMPLEMENTATIONS_OF_TRAFFIC.map((implementation) => timeOf(ns[implementation]?.[percentile])),
					factorWithQuartiles(vsPubSub[percentile]),
				]),
			),
		),
	];
}

/**
 * @param {RedisResults} redis
 * @param {Titles} titles
 */
function cpuTime({ traffic }, titles) {
	if (traffic.length === 0) return [];
	const consumers = /** @type {[keyof typeof CONSUMERS, string][]} */ (Object.entries(CONSUMERS));
	return [
		'',
		'### CPU time per message',
		'',
		'A second process keeps the same pace as the sender at the same time, but sends nothing. Its time is subtracted from that of',
		'the sender. "Waking a thread" is the time of `Atomics.notify` at the same pace: any implementation that passes its work to',
		'another thread needs at least this. A node without a recipient is compared with the manager that has one channel for all',
		'messages, where every node parses every message.',
		'',
		...table(
			[
				'',
				'of',
				...IMPLEMENTATIONS_OF_TRAFFIC.map((name) => titles[name]),
				titles.threadWakeup,
				'pub/sub in JS / this package',
			],
			traffic.flatMap(({ name, kind, ns, threadWakeup, vsPubSub, vsSingleChannel }) =>
				consumers
					// A broadcast is for every node.
					.filter(([consumer]) => kind === 'one' || !consumer.startsWith('bystander'))
					.map(([consumer, title]) => [
						name,
						title,
						...IMPLEMENTATIONS_OF_TRAFFIC.map((implementation) => timeOf(ns[implementation]?.cpu[consumer])),
						consumer === 'sender' ? timeOf(threadWakeup) : '',
						cpuRatio(consumer, vsPubSub.cpu, vsSingleChannel),
					]),
			),
		),
	];
}

/**
 * @param {keyof typeof CONSUMERS} consumer
 * @param {Record<keyof typeof CONSUMERS, Spread>} vsPubSub
 * @param {Spread} [vsSingleChannel]
 */
function cpuRatio(consumer, vsPubSub, vsSingleChannel) {
	if (consumer === 'bystander' && vsSingleChannel) {
		return `${factorWithQuartiles(vsSingleChannel)} (one channel in JS / this package)`;
	}
	// With pub/sub such a node does nothing, so there is no meaningful ratio.
	return consumer.startsWith('bystander') ? '' : factorWithQuartiles(vsPubSub[consumer]);
}

/**
 * @param {RedisResults} redis
 * @param {Titles} titles
 */
function backlogs({ backlogs }, titles) {
	if (backlogs.length === 0) return [];
	return [
		'',
		'### Receiving a backlog',
		'',
		'A node is suspended (SIGSTOP). Another node sends the messages. Then the first node is resumed. The table shows the',
		'messages per second until a reader has the last one.',
		'',
		...table(
			['', ...IMPLEMENTATIONS.map((name) => titles[name]), 'this package / pub/sub in JS'],
			backlogs.map(({ name, ns, vsPubSub }) => [
				name,
				...IMPLEMENTATIONS.map((implementation) =>
					ns[implementation] ? perSecond(1, ns[implementation].median) : NOT_MEASURED,
				),
				factorWithQuartiles(vsPubSub),
			]),
		),
	];
}

/** @param {Spread} [spread] `undefined` for an implementation that has no part in the row */
function timeOf(spread) {
	if (spread === undefined) return NOT_MEASURED;
	// A time below zero, less than the floor, is noise.
	const [median, p25, p75] = [spread.median, spread.p25, spread.p75].map((ns) => Math.max(0, ns));
	return timeWithQuartiles({ median, p25, p75 });
}
