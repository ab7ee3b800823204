// For the docs: what was measured with several nodes and Redis.

import { commandsPerBroadcast, countsPerBroadcast } from '../../redis/commands.mjs';
import { measuredOn, perSecond, table, time } from '../format.mjs';

/** @typedef {import('../results.mjs').Results} Results */
/** @typedef {import('../../harness/stats.mjs').Spread} Spread */

/** @param {Results} results */
export function redisFigures({ redis }) {
	const row = redis?.traffic.find(({ kind, perSecond }) => kind === 'one' && perSecond === 1_000);
	const backlog = redis?.backlogs.find(({ kind }) => kind === 'one');
	if (redis?.commands === undefined || row === undefined || backlog === undefined) return [];
	const { about, server } = redis;
	const { pubSub, singleChannel, ours } = row.ns;
	const { counts, sessions, nodes } = redis.commands;
	/** @param {(values: typeof ours) => Spread} pick */
	const both = (pick) => [time(pick(pubSub).median), time(pick(ours).median)];
	const bystanders = [pubSub, singleChannel, ours].map(({ cpu }) => time(Math.max(0, cpu.bystander.median)));
	return [
		measuredOn(about, server),
		'',
		...table(
			['', 'pub/sub in JS', 'this package'],
			[
				[
					`commands for a broadcast to ${sessions.toLocaleString('en')} sessions on ${nodes} nodes`,
					`${commandsPerBroadcast(counts.pubSub)} (\`PUBLISH\`)`,
					`${commandsPerBroadcast(counts.ours)} (${countsPerBroadcast(counts.ours).evalsha ? 'scripts, with those that acknowledge' : '`XADD`'}), and the blocking \`XREAD\` of each node`,
				],
				[
					"CPU time per message: sender's main thread",
					time(pubSub.cpu.sender.median),
					`**${time(ours.cpu.sender.median)}**; waking a thread takes at least ${time(row.threadWakeup.median)}`,
				],
				[
					"CPU time per message: receiver's main thread",
					time(pubSub.cpu.receiver.median),
					`**${time(ours.cpu.receiver.median)}**`,
				],
				[
					'CPU time per message: main thread of a node without a recipient',
					`${bystanders[0]} with a channel per session, ${bystanders[1]} with one channel for all`,
					`**${bystanders[2]}**`,
				],
				['CPU time per message: sender, all threads', ...both(({ cpu }) => cpu.senderWhole)],
				['CPU time per message: receiver, all threads', ...both(({ cpu }) => cpu.receiverWhole)],
				['CPU time per message: Redis', ...both(({ cpu }) => cpu.redis)],
				['from `send` until it is read, p50', ...both(({ p50 }) => p50)],
				['from `send` until it is read, p99', ...both(({ p99 }) => p99)],
				[
					`messages per second while a node receives ${backlog.entries.toLocaleString('en')} waiting messages`,
					perSecond(1, backlog.ns.pubSub.median),
					perSecond(1, backlog.ns.ours.median),
				],
			],
		),
		'',
		...upstreamSentences(redis),
	];
}

/** @param {NonNullable<Results['redis']>} redis */
function upstreamSentences({ upstreamFailures: { sends }, commands }) {
	const arrived = sends.reduce((sum, attempt) => sum + attempt.arrived, 0);
	const expected = sends.reduce((sum, attempt) => sum + attempt.expected, 0);
	const lines = [
		`Upstream's manager is not in the table, because it cannot send from a node that has a session: ${arrived} of ${expected} messages arrive.`,
	];
	if (!commands) return lines;
	const perBroadcast = commandsPerBroadcast(commands.counts.upstream).toLocaleString('en');
	return [
		...lines,
		`For a broadcast to ${commands.sessions.toLocaleString('en')} sessions, it sends ${perBroadcast} commands to Redis.`,
	];
}
