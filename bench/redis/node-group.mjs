// The nodes of one side: one that sends and has no session of its own, one whose sessions it sends to, and a bystander with
// a session that only broadcasts are for.

import { message } from '../harness/events.mjs';
import { makeIds } from '../harness/test-data.mjs';
import { untilSubscribed } from './upstream-failures.mjs';
import { Node } from './node-handle.mjs';

/** @typedef {import('../../__test__/support/redis.js').RedisServer} RedisServer */
/** @typedef {import('./implementations.mjs').RedisSide} RedisSide */
/** @typedef {import('./node-process.mjs').Pace} Pace */
/** @typedef {import('../harness/test-data.mjs').Text} Text */

/**
 * @typedef {object} Traffic
 * @property {'one' | 'everyone'} kind each message to one of the sessions, in turn, or to everyone
 * @property {number} count of the messages
 * @property {Text} text
 * @property {Pace} pace
 */

const CHECKED = 25;

export class Fleet {
	/**
	 * @param {RedisSide} side
	 * @param {Record<'sender' | 'receiver' | 'bystander', Node>} nodes
	 * @param {string[]} ids of the receiver's sessions
	 */
	constructor(side, nodes, ids) {
		this.side = side;
		this.nodes = nodes;
		this.ids = ids;
	}

	/**
	 * @param {RedisSide} side
	 * @param {RedisServer} redis
	 * @param {number} sessions of the receiver
	 */
	static async start(side, redis, sessions) {
		const [sender, receiver, bystander] = await Promise.all([1, 2, 3].map(() => Node.start(side, redis.url)));
		const fleet = new Fleet(side, { sender, receiver, bystander }, makeIds(sessions));
		await Promise.all([receiver.call('open', fleet.ids), bystander.call('open', makeIds(1)), sender.call('open', [])]);
		if (side === 'upstream') await untilSubscribed(redis, fleet.ids);
		return fleet;
	}

	/** The sender knows who is there, and every session gets what is for it, in order, and nobody else anything. */
	async checkAnswers() {
		const { sender, receiver, bystander } = this.nodes;
		const has = await Promise.all([...this.ids, 'nobody'].map((id) => sender.call('has', id)));
		if (has.some((is, place) => is !== place < this.ids.length)) throw new Error(`${this.side}: has() is ${has}`);

		const texts = Array.from({ length: CHECKED }, (_, index) => message(index));
		for (const ids of [this.ids, undefined]) {
			const own = this.ids.map((_, place) => texts.filter((_, index) => !ids || index % ids.length === place).join(''));
			await receiver.call('expect', { texts: own });
			await bystander.call('expect', { texts: [ids ? '' : texts.join('')] });
			const received = Promise.all([receiver, bystander].map((node) => node.call('received')));
			const sent = sender.call('send', { ids, texts, count: texts.length, pace: { aTurn: 1 } });
			await Promise.all([sent, received]);
		}
	}

	/**
	 * Tells the nodes what they are to get. Who waits for it calls {@link send} meanwhile.
	 *
	 * @param {Traffic} traffic
	 */
	async expect({ kind, count, text }) {
		const { receiver, bystander } = this.nodes;
		const { length } = text.bytes;
		await receiver.call('expect', { chunks: kind === 'one' ? count : count * this.ids.length, length });
		await bystander.call('expect', { chunks: kind === 'one' ? 0 : count, length });
		const received = Promise.all([receiver, bystander].map((node) => node.call('received')));
		// It may fail before it is awaited.
		received.catch(() => {});
		/** Resolves to when the last chunk was read. */
		return async () => Math.max(...(await received));
	}

	/** @param {Traffic} traffic */
	send({ kind, count, text, pace }) {
		const ids = kind === 'one' ? this.ids : undefined;
		return this.nodes.sender.call('send', { ids, texts: [text.value], count, pace });
	}

	/** Nothing has come that was not awaited, or twice. */
	async checkEmpty() {
		for (const node of [this.nodes.receiver, this.nodes.bystander]) await node.call('expect', { texts: [] });
	}

	async stop() {
		await Promise.all(Object.values(this.nodes).map((node) => node.stop()));
	}
}
