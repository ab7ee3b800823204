// Few and many nodes of this package, in turns: what a message costs Redis depends on the number of nodes that it is not for. The
// rows of two numbers of nodes are measured at different times, so their ratio has a larger error.

import { ratios, spread } from '../../harness/stats.mjs';
import { NodeGroup } from '../node-group.mjs';
import { RECEIVER_SESSIONS } from './sides.mjs';
import { sampleTraffic } from './traffic.mjs';

/**
 * @param {import('./cells.mjs').GrowthCell[]} cells
 * @param {import('../redis-server.mjs').RedisServer} redis
 * @param {import('../node-handle.mjs').NodeHandle} floor a process without a manager, which keeps the pace
 * @param {import('./cells.mjs').Size} size
 */
export async function measureGrowth(cells, redis, floor, size) {
	const [{ few, many }] = cells;
	/** @param {number} nodes @param {number} database */
	const start = (nodes, database) => NodeGroup.start('ours', redis, RECEIVER_SESSIONS, { nodes, database });
	const groups = { few: await start(few, 0), many: await start(many, 1) };
	const rows = [];
	try {
		for (const group of Object.values(groups)) await group.checkDelivery();
		for (const cell of cells) {
			const { samples } = await sampleTraffic(cell, groups, floor, size);
			const [fewNs, manyNs] = [samples.few, samples.many].map((rounds) => rounds.map(({ redis }) => redis));
			const { name, pace } = cell;
			rows.push({
				name,
				few,
				many,
				pace,
				rounds: size.rounds,
				/** CPU time of Redis per message, in nanoseconds. */
				ns: { few: spread(fewNs), many: spread(manyNs) },
				/** That with many nodes divided by that with few. */
				growth: ratios(manyNs, fewNs),
			});
		}
	} finally {
		await Promise.all(Object.values(groups).map((group) => group.stop()));
	}
	return rows;
}
