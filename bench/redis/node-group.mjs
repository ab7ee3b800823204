// The nodes of one implementation: a sender without sessions, a receiver, a bystander with one session that receives broadcasts
// only, and more nodes like the bystander in one process. Two nodes are a sender and a receiver.

import { numberedEvent } from '../harness/events.mjs';
import { makeIds } from '../harness/test-data.mjs';
import { NodeHandle } from './node-handle.mjs';
import { untilSubscribed } from './upstream-failures.mjs';

/** @typedef {import('./redis-server.mjs').RedisServer} RedisServer */
/** @typedef {import('./implementations.mjs').RedisImplementation} RedisImplementation */
/** @typedef {import('./node-process.mjs').Pace} Pace */
/** @typedef {import('../harness/test-data.mjs').Text} Text */

/**
 * @typedef {object} Traffic
 * @property {'one' | 'all'} kind of target: one session of the receiver after the other, or broadcasts
 * @property {number} count number of messages
 * @property {Text} text
 * @property {Pace} pace
 */

const CHECKED_MESSAGES = 25;

/**
 * @typedef {object} GroupOptions
 * @property {number} [nodes] number of nodes, default 3
 * @property {number} [database] of Redis, default 0
 * @property {string} [folder] of the package at an earlier commit, for `before`
 */

export class NodeGroup {
	/**
	 * @param {RedisImplementation} implementation
	 * @param {RedisServer} redis
	 * @param {{ sender: NodeHandle, receiver: NodeHandle, bystander?: NodeHandle, more?: NodeHandle }} nodes
	 * @param {string[]} ids of the receiver's sessions
	 * @param {number} moreSessions number of nodes, each with a session, in the process `more`
	 */
	constructor(implementation, redis, nodes, ids, moreSessions) {
		this.implementation = implementation;
		this.redis = redis;
		this.nodes = nodes;
		this.ids = ids;
		const { bystander, more } = nodes;
		/** The processes that receive broadcasts only, and the number of their sessions. */
		this.idle = [
			...(bystander ? [{ node: bystander, sessions: 1 }] : []),
			...(more ? [{ node: more, sessions: moreSessions }] : []),
		];
	}

	/**
	 * @param {RedisImplementation} implementation
	 * @param {RedisServer} redis
	 * @param {number} sessions of the receiver
	 * @param {GroupOptions} [options]
	 */
	static async start(implementation, redis, sessions, { nodes = 3, database = 0, folder } = {}) {
		const url = database === 0 ? redis.url : `${redis.url}/${database}`;
		const start = (count = 1) => NodeHandle.start(implementation, url, { nodes: count, folder });
		const moreNodes = Math.max(0, nodes - 3);
		const [sender, receiver, bystander, more] = await Promise.all([
			start(),
			start(),
			nodes > 2 ? start() : undefined,
			moreNodes > 0 ? start(moreNodes) : undefined,
		]);
		const group = new NodeGroup(
			implementation,
			redis,
			{ sender, receiver, ...(bystander && { bystander }), ...(more && { more }) },
			makeIds(sessions),
			moreNodes,
		);
		await Promise.all([
			receiver.call('open', group.ids),
			sender.call('open', []),
			...group.idle.map(({ node, sessions }) => node.call('open', makeIds(sessions))),
		]);
		if (implementation === 'upstream') await untilSubscribed(redis, group.ids);
		return group;
	}

	/** Checks that the sender knows the sessions, and that each session receives its messages in order, and no other. */
	async checkDelivery() {
		const { sender, receiver } = this.nodes;
		const has = await Promise.all([...this.ids, 'unknown'].map((id) => sender.call('has', id)));
		if (has.some((known, index) => known !== index < this.ids.length)) {
			throw new Error(`${this.implementation}: has() is ${has}`);
		}

		const texts = Array.from({ length: CHECKED_MESSAGES }, (_, index) => numberedEvent(index));
		for (const ids of [this.ids, undefined]) {
			const expected = this.ids.map((_, index) =>
				texts.filter((_, nth) => !ids || nth % ids.length === index).join(''),
			);
			await receiver.call('expect', { texts: expected });
			for (const { node, sessions } of this.idle) {
				await node.call('expect', { texts: Array(sessions).fill(ids ? '' : texts.join('')) });
			}
			const received = Promise.all(this.receivers.map((node) => node.call('received')));
			const sent = sender.call('send', { ids, texts, count: texts.length, pace: { perTurn: 1 } });
			await Promise.all([sent, received]);
		}
	}

	/**
	 * Prepares the receivers for the traffic, which {@link send} then sends.
	 *
	 * @param {Traffic} traffic
	 */
	async expect({ kind, count, text }) {
		const { receiver } = this.nodes;
		const { length } = text.bytes;
		await receiver.call('expect', { chunks: kind === 'one' ? count : count * this.ids.length, length });
		for (const { node, sessions } of this.idle) {
			await node.call('expect', { chunks: kind === 'one' ? 0 : count * sessions, length });
		}
		const received = Promise.all(this.receivers.map((node) => node.call('received')));
		// It may reject before it is awaited.
		received.catch(() => {});
		/** Resolves to the time when the last chunk was read. */
		return async () => Math.max(...(await received));
	}

	/** @param {Traffic} traffic */
	send({ kind, count, text, pace }) {
		const ids = kind === 'one' ? this.ids : undefined;
		return this.nodes.sender.call('send', { ids, texts: [text.value], count, pace });
	}

	/** Checks that nothing has arrived twice, or without being sent. */
	async checkEmpty() {
		for (const node of this.receivers) await node.call('expect', { texts: [] });
	}

	/** The processes that have sessions. */
	get receivers() {
		return [this.nodes.receiver, ...this.idle.map(({ node }) => node)];
	}

	async stop() {
		await Promise.all(Object.values(this.nodes).map((node) => node.stop()));
	}
}
