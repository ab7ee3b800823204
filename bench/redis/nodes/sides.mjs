// The compared implementations. Each has a Redis server of its own, so that commands, memory and CPU time are those of one side.

import { buildCommit, findCommit } from '../../harness/earlier-commit.mjs';
import { NodeGroup } from '../node-group.mjs';
import { startRedis } from '../redis-server.mjs';

/** @typedef {'before' | 'pubSub' | 'streamsAdapter' | 'ours'} SideName */
/** @typedef {{ folder?: string, commit?: string }} Before the package at an earlier commit */

/** The last commit in which one stream carried the messages for all nodes. A run without `--before` compares with it. */
export const BEFORE_INBOXES = 'a5655a7';

/** Sessions of the node that receives messages. */
const RECEIVER_SESSIONS = 10;

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
		this.args = [name, redis.url, before.folder ?? ''];
	}

	/**
	 * Starts Redis and the nodes, and checks that messages arrive, each once and in order.
	 *
	 * @param {SideName} name
	 * @param {number} nodes
	 * @param {Before} before
	 */
	static async start(name, nodes, before) {
		const redis = await startRedis({ appendOnly: true });
		try {
			const group = await NodeGroup.start(name, redis, RECEIVER_SESSIONS, { nodes, ...before });
			await group.checkDelivery();
			return new Side(name, redis, group, before);
		} catch (error) {
			await redis.end();
			throw error;
		}
	}

	async stop() {
		await this.group.stop();
		await this.redis.end();
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
