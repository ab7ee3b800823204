// What was measured between machines, as Markdown.

import { factor, quartiles, rate, table, time } from '../format.mjs';
import { commandsOfABroadcast, perBroadcast } from '../../redis/commands.mjs';
import { SIDES, SIDES_OF_TRAFFIC, titles } from '../../redis/implementations.mjs';

/** @typedef {NonNullable<Awaited<ReturnType<typeof import('../../redis/measure.mjs').measureRedis>>>} Results */
/** @typedef {import('../../redis/implementations.mjs').RedisSide} RedisSide */

const NOT_MEASURED = '–';

/** Whose CPU time, as it stands in a row. */
const SHARES = /** @type {const} */ ({
	sender: "the sender's main thread",
	senderWhole: 'the sender, all threads',
	receiver: "the receiver's main thread",
	receiverWhole: 'the receiver, all threads',
	bystander: 'main thread of a node it is not for',
	bystanderWhole: 'all threads of a node it is not for',
	redis: 'Redis',
});

/** @param {Results | undefined} results */
export function redisSections(results) {
	if (!results) return [];
	return [
		'',
		'## Between machines, by Redis',
		'',
		`Nodes are processes of one machine here, and Redis ${results.server} is on it too, with append-only on. Beside ours stand`,
		`\`@tmcp/${titles.upstream}\` and a manager written for this benchmark on pub/sub: a channel for broadcasts and one`,
		'for each session, local sessions fed at once. It is as light as it can be, and promises less: what is sent while a',
		'connection is down is lost. (On `redis` 5, since the `publish` of 6 takes twice as long.)',
		'',
		...faults(results),
		...commands(results),
		...latencies(results),
		...cpu(results),
		...backlogs(results),
	];
}

/** @param {Results} results */
function faults({ faults }) {
	const { sends, aged } = faults;
	return [
		`**\`@tmcp/${titles.upstream}\`** does not work where it is meant to be used. Of two nodes with a session each, one sends:`,
		'',
		...table(
			['to', 'arrived', 'the process that has sent'],
			sends.map(({ to, due, arrived, code, error }) => [
				to,
				`${arrived} of ${due}`,
				code === 0 ? 'goes on' : `ends with exit code ${code}: ${error.replaceAll('|', '\\|')}`,
			]),
		),
		'',
		...(aged
			? [
					`Of a node's ${aged.sessions} sessions, another one knew ${aged.known} after ${aged.afterMs / 1_000} s; broadcasts reach those that are known.`,
				]
			: []),
		'So in what follows it sends from a node that has no session, as the others do as well (but with the commands, where its',
		'sender is a third node), and has no part in broadcasts that take longer.',
	];
}

/** @param {Results} results */
function commands({ commands }) {
	if (!commands) return [];
	const { name, windowMs, counts } = commands;
	return [
		'',
		`### ${name.replace('redis: c', 'C')}`,
		'',
		`What Redis counted in ${windowMs / 1_000} s with broadcasts, less what it counted in as long without, by their number. A read (\`xread\`)`,
		'waits in Redis for what comes next; each node asks once more when it has come.',
		'',
		...table(
			[
				'',
				'for a broadcast',
				'beside the reads',
				`in ${windowMs / 1_000} s without any`,
				'for the sessions to be known',
			],
			SIDES.map((side) => [
				titles[side],
				list(perBroadcast(counts[side])),
				`**${commandsOfABroadcast(counts[side]).toLocaleString('en')}**`,
				list(counts[side].idle),
				list(counts[side].opened),
			]),
		),
	];
}

/** @param {Record<string, number>} counts */
function list(counts) {
	const entries = Object.entries(counts).sort(([, a], [, b]) => b - a);
	return entries.map(([name, count]) => `${count.toLocaleString('en')} ${name}`).join(', ') || 'none';
}

/** @param {Results} results */
function latencies({ traffic }) {
	if (traffic.length === 0) return [];
	return [
		'',
		'### From one node to another',
		'',
		'From `send` in one process until a reader in another has the chunk: medians of the p50 and p99 of each round.',
		'',
		...table(
			['', '', ...SIDES_OF_TRAFFIC.map((side) => titles[side]), 'pub/sub in JS / ours'],
			traffic.flatMap(({ name, ns, vsPubSub }) =>
				/** @type {const} */ (['p50', 'p99']).map((which) => [
					plain(name),
					which,
					...SIDES_OF_TRAFFIC.map((side) => spreadOf(ns[side]?.[which])),
					`**${factor(vsPubSub[which].median)}** ${quartiles(vsPubSub[which])}`,
				]),
			),
		),
	];
}

/** @param {Results} results */
function cpu({ traffic }) {
	if (traffic.length === 0) return [];
	const shares = /** @type {[keyof typeof SHARES, string][]} */ (Object.entries(SHARES));
	return [
		'',
		'### CPU time for each of these messages',
		'',
		'That of the sender less what another process takes that keeps the same pace at the same time and sends nothing. A thread',
		'that is idle before and after is known to a microsecond. Beside it what it takes to wake another thread as often, and',
		'nothing else (`Atomics.notify`): whoever has another thread do the work pays that. Of a node that a message is not for, ours is',
		'beside the straightforward manager with one channel for all messages, each of which every node parses.',
		'',
		...table(
			['', 'of', ...SIDES_OF_TRAFFIC.map((side) => titles[side]), titles.wake, 'pub/sub in JS / ours'],
			traffic.flatMap(({ name, kind, ns, wake, vsPubSub, vsPlain }) =>
				shares
					// A broadcast is for all.
					.filter(([share]) => kind === 'one' || !share.startsWith('bystander'))
					.map(([share, whose]) => [
						plain(name),
						whose,
						...SIDES_OF_TRAFFIC.map((side) => spreadOf(ns[side]?.cpu[share])),
						share === 'sender' ? spreadOf(wake) : '',
						ratioOf(share, vsPubSub.cpu, vsPlain),
					]),
			),
		),
	];
}

/**
 * @param {keyof typeof SHARES} share
 * @param {Record<keyof typeof SHARES, import('../../harness/stats.mjs').Spread>} vsPubSub
 * @param {import('../../harness/stats.mjs').Spread} [vsPlain]
 */
function ratioOf(share, vsPubSub, vsPlain) {
	if (share === 'bystander' && vsPlain) return `**${factor(vsPlain.median)}** ${quartiles(vsPlain)} of one channel`;
	// Of what is not done at all there is no ratio.
	return share.startsWith('bystander') ? '' : `**${factor(vsPubSub[share].median)}** ${quartiles(vsPubSub[share])}`;
}

/** @param {Results} results */
function backlogs({ backlogs }) {
	if (backlogs.length === 0) return [];
	return [
		'',
		'### Taking in what has piled up',
		'',
		'A node is stopped (SIGSTOP), another one sends as many messages as a stream holds by default, and it goes on: messages in',
		'a second, until a reader has the last one.',
		'',
		...table(
			['', ...SIDES.map((side) => titles[side]), 'ours / pub/sub in JS'],
			backlogs.map(({ name, ns, vsPubSub }) => [
				plain(name),
				...SIDES.map((side) => (ns[side] ? rate(1, ns[side].median) : NOT_MEASURED)),
				`**${factor(vsPubSub.median)}** ${quartiles(vsPubSub)}`,
			]),
		),
	];
}

/** @param {string} name */
function plain(name) {
	return name.replace('redis: ', '');
}

/** @param {import('../../harness/stats.mjs').Spread} [spread] nothing, where a side has no part in it */
function spreadOf(spread) {
	if (spread === undefined) return NOT_MEASURED;
	// What is less than the floor is noise.
	const [median, p25, p75] = [spread.median, spread.p25, spread.p75].map((ns) => time(Math.max(0, ns)));
	return `${median} (${p25} – ${p75})`;
}
