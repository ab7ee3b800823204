// The compared implementations. They share one Redis server: with the same program on both sides, two servers differed by half in
// their CPU time, because of the cores and the memory that they got. Each side has a database of its own.

import { buildCommit, findCommit } from '../../harness/earlier-commit.mjs';
import { NodeGroup } from '../node-group.mjs';

/** @typedef {'before' | 'pubSub' | 'streamsAdapter' | 'ours'} SideName */
/** @typedef {{ folder?: string, commit?: string }} Before the package at an earlier commit */

/** The last commit in which one stream carried the messages for all nodes. A run without `--before` compares with it. */
export const BEFORE_INBOXES = 'a5655a7';

/** Sessions of the node that receives messages. */
export const RECEIVER_SESSIONS = 10;

/** @type {Record<SideName, number>} */
const DATABASES = { ours: 0, before: 1, pubSub: 2, streamsAdapter: 3 };

export class Side {
	/**
	 * @param {SideName} name
	 * @param {import('../redis-server.mjs').RedisServer} redis
	 * @param {NodeGroup} group
	 * @param {Before} before
	 */
	constructor(name, redis, group, before) {
		this.name = name;
		this.redis = redis;
		this.group = group;
		/** Arguments of further processes with this implementation. */
		this.args = [name, `${redis.url}/${DATABASES[name]}`, before.folder ?? ''];
	}

	/**
	 * Starts the nodes, and checks that messages arrive, each once and in order.
	 *
	 * @param {SideName} name
	 * @param {import('../redis-server.mjs').RedisServer} redis
	 * @param {number} nodes
	 * @param {Before} before
	 */
	static async start(name, redis, nodes, before) {
		const group = await NodeGroup.start(name, redis, RECEIVER_SESSIONS, {
			nodes,
			database: DATABASES[name],
			...before,
		});
		const side = new Side(name, redis, group, before);
		await group.checkDelivery().catch(async (error) => {
			await side.stop();
			throw error;
		});
		return side;
	}

	stop() {
		return this.group.stop();
	}
}

/**
 * Returns the sides that can be measured, and builds the earlier commit.
 *
 * @param {string} reference the commit
 * @param {(line: string) => void} log
 * @returns {{ names: SideName[], before: Before }}
 */
export function findSides(reference, log) {
	const commit = findCommit(reference);
	if (commit === undefined) log(`nodes: git does not have the commit ${reference} here`);
	const folder = commit && buildCommit(commit, log);
	const others = /** @type {SideName[]} */ (['pubSub', 'streamsAdapter', 'ours']);
	return commit && folder
		? { names: ['before', ...others], before: { commit, folder } }
		: { names: others, before: {} };
}
