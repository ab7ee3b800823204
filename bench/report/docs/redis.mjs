// What was measured between machines, for the README.

import { rate, table, time } from '../format.mjs';
import { commandsOfABroadcast } from '../../redis/commands.mjs';

/** @typedef {import('../all-rows/redis.mjs').Results} Results */
/** @typedef {import('../../harness/stats.mjs').Spread} Spread */

/**
 * @param {Results | undefined} results
 * @param {{ commit: string }} about
 */
export function redisFigures(results, { commit }) {
	const row = results?.traffic.find(({ kind, aSecond }) => kind === 'one' && aSecond === 1_000);
	const backlog = results?.backlogs.find(({ kind }) => kind === 'one');
	if (results?.commands === undefined || row === undefined || backlog === undefined) return undefined;
	const { pubSub, plain, ours } = row.ns;
	const { counts } = results.commands;
	/** @param {(side: typeof ours) => Spread} of */
	const both = (of) => [time(of(pubSub).median), time(of(ours).median)];
	const [pubSubCpu, oursCpu] = [pubSub.cpu, ours.cpu];
	return [
		'**Measured** between processes and a Redis on one machine of two cores, beside a manager in JS on pub/sub that was written for it, with',
		`texts of 100 B, at 1,000 messages a second to one session of another process ([all of it](bench/results/latest.md), commit ${commit};`,
		"`npm run bench -- --only redis`). Upstream's lets none arrive at its own sessions, and sends",
		`${commandsOfABroadcast(counts.upstream).toLocaleString('en')} commands for a broadcast to 10,000.`,
		'',
		...table(
			['', 'pub/sub in JS', 'here'],
			[
				[
					'commands for a broadcast to 10,000 sessions on 2 nodes',
					'1 `PUBLISH`',
					'1 `XADD`, and the `XREAD`s that wait for it',
				],
				[
					'main thread of the sender, a message',
					time(pubSubCpu.sender.median),
					`**${time(oursCpu.sender.median)}**, of which ${time(row.wake.median)} are what waking a thread takes`,
				],
				[
					'main thread of the receiver, a message',
					time(pubSubCpu.receiver.median),
					`**${time(oursCpu.receiver.median)}**`,
				],
				[
					'main thread of a node it is not for, a message',
					`${time(Math.max(0, plain.cpu.bystander.median))} with one channel for all; with one for each session, ${time(Math.max(0, pubSubCpu.bystander.median))}`,
					`**${time(Math.max(0, oursCpu.bystander.median))}**`,
				],
				[
					'all threads of the sender; of the receiver',
					`${time(pubSubCpu.senderWhole.median)}; ${time(pubSubCpu.receiverWhole.median)}`,
					`${time(oursCpu.senderWhole.median)}; ${time(oursCpu.receiverWhole.median)}`,
				],
				['from `send` until it is read, p50', ...both((side) => side.p50)],
				['p99', ...both((side) => side.p99)],
				[
					'a backlog of 10,000 messages, taken in, a second',
					rate(1, backlog.ns.pubSub.median),
					rate(1, backlog.ns.ours.median),
				],
			],
		),
		'',
		'So the work leaves the threads that run JavaScript, and there is more of it: each node reads each entry, its own too, and Redis has more to',
		`do with a stream (${time(oursCpu.redis.median)} a message beside ${time(pubSubCpu.redis.median)}). That is the price of losing nothing.`,
	];
}
