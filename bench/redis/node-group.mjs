// The nodes of one implementation: a sender without sessions, a receiver, and a bystander with one session that receives
// broadcasts only.

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

export class NodeGroup {
	/**
	 * @param {RedisImplementation} implementation
	 * @param {Record<'sender' | 'receiver' | 'bystander', NodeHandle>} nodes
	 * @param {string[]} ids of the receiver's sessions
	 */
	constructor(implementation, nodes, ids) {
		this.implementation = implementation;
		this.nodes = nodes;
		this.ids = ids;
	}

	/**
	 * @param {RedisImplementation} implementation
	 * @param {RedisServer} redis
	 * @param {number} sessions of the receiver
	 */
	static async start(implementation, redis, sessions) {
		const [sender, receiver, bystander] = await Promise.all(
			[1, 2, 3].map(() => NodeHandle.start(implementation, redis.url)),
		);
		const group = new NodeGroup(implementation, { sender, receiver, bystander }, makeIds(sessions));
		await Promise.all([receiver.call('open', group.ids), bystander.call('open', makeIds(1)), sender.call('open', [])]);
		if (implementation === 'upstream') await untilSubscribed(redis, group.ids);
		return group;
	}

	/** Checks that the sender knows the sessions, and that each session receives its messages in order, and no other. */
	async checkDelivery() {
		const { sender, receiver, bystander } = this.nodes;
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
			await bystander.call('expect', { texts: [ids ? '' : texts.join('')] });
			const received = Promise.all([receiver, bystander].map((node) => node.call('received')));
			const sent = sender.call('send', { ids, texts, count: texts.length, pace: { perTurn: 1 } });
			await Promise.all([sent, received]);
		}
	}

	/**
	 * Prepares receiver and bystander for the traffic, which {@link send} then sends.
	 *
	 * @param {Traffic} traffic
	 */
	async expect({ kind, count, text }) {
		const { receiver, bystander } = this.nodes;
		const { length } = text.bytes;
		await receiver.call('expect', { chunks: kind === 'one' ? count : count * this.ids.length, length });
		await bystander.call('expect', { chunks: kind === 'one' ? 0 : count, length });
		const received = Promise.all([receiver, bystander].map((node) => node.call('received')));
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
		for (const node of [this.nodes.receiver, this.nodes.bystander]) await node.call('expect', { texts: [] });
	}

	async stop() {
		await Promise.all(Object.values(this.nodes).map((node) => node.stop()));
	}
}
