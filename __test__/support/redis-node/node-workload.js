// What one node does while a test takes Redis away from it: it sends messages at a steady rate, to some sessions or to all,
// while its own sessions look at what comes. And what must be so of all nodes' loads together, afterwards.

import assert from 'node:assert/strict';
import { setTimeout as pass } from 'node:timers/promises';

import { text } from '../streams.js';
import { randomNumbers } from '../threads/random-numbers.js';
import { read, write } from '../threads/verifiable-messages.js';

/**
 * The workload of all nodes.
 *
 * @typedef {object} NodeWorkloadOptions
 * @property {string[][]} sessions of each node
 * @property {number} messages that each node sends
 * @property {number} perSecond about how many
 * @property {number} seed
 * @property {number} [mortal] the node that does not come to its end
 * @property {boolean} [mayRefuse] whether more may wait for Redis than there is room for
 */
/**
 * @typedef {object} Report
 * @property {Record<string, number[][]>} got the numbers of the messages that each session got, for each sender
 * @property {number[]} refused the numbers of the messages that did not go out, as too much waited
 * @property {string[]} faults that were noticed at once
 */

/** How many messages go in one turn of the event loop. */
const A_BURST = 10;

export class NodeWorkload {
	/** @type {Report} */
	#report = { got: {}, refused: [], faults: [] };
	/** @type {Record<string, number>} of how many senders each session has got the last message */
	#ends = {};
	#manager;
	#node;
	#options;
	#changed;
	/** How many messages are sent. */
	sent = 0;

	/**
	 * @param {any} manager
	 * @param {number} node its number, from 0
	 * @param {NodeWorkloadOptions} options
	 * @param {() => void} changed to be called when something has come or gone
	 */
	constructor(manager, node, options, changed) {
		this.#manager = manager;
		this.#node = node;
		this.#options = options;
		this.#changed = changed;
	}

	async prepare() {
		const { sessions } = this.#options;
		for (const id of sessions[this.#node]) {
			this.#report.got[id] = sessions.map(() => []);
			this.#ends[id] = 0;
			await this.#manager.create(id, {
				enqueue: (/** @type {Uint8Array} */ chunk) => {
					this.#take(id, text(chunk));
					this.#changed();
				},
				close: () => this.#fault(`${id} was closed`),
			});
		}
		await this.#manager.flush();
	}

	async run() {
		const { perSecond } = this.#options;
		const start = performance.now();
		for (const to of planOf(this.#node, this.#options)) {
			if (this.sent % A_BURST === 0) {
				const early = start + (this.sent / perSecond) * 1_000 - performance.now();
				await pass(Math.max(0, early));
			}
			this.#send(this.sent, to, write({ sender: this.#node, number: this.sent, to }));
			this.sent++;
			this.#changed();
		}
	}

	/** Whether each session has got the last message of every node: one that is for all. */
	isComplete() {
		const { sessions, mortal } = this.#options;
		const senders = sessions.length - (mortal === undefined ? 0 : 1);
		return Object.values(this.#ends).every((ends) => ends === senders);
	}

	report() {
		return this.#report;
	}

	/**
	 * @param {number} number
	 * @param {string[] | undefined} to
	 * @param {string} message
	 */
	async #send(number, to, message) {
		try {
			await this.#manager.send(to, message);
		} catch (error) {
			const { code, unsent } = /** @type {any} */ (error);
			const isTold = unsent?.method === 'send' && unsent.args[0] === to && unsent.args[1] === message;
			if (!this.#options.mayRefuse || code !== 'ERR_BACKPLANE_UNAVAILABLE' || !isTold) {
				return this.#fault(`send rejected: ${error}`);
			}
			this.#report.refused.push(number);
		}
	}

	/**
	 * @param {string} id
	 * @param {string} message
	 */
	#take(id, message) {
		const known = read(message);
		if (known === undefined) return this.#fault(`${id} got torn bytes: ${message}`);
		this.#report.got[id][known.sender].push(known.number);
		const { messages, mortal } = this.#options;
		if (known.number === messages - 1 && known.sender !== mortal) this.#ends[id]++;
	}

	/** @param {string} what */
	#fault(what) {
		if (this.#report.faults.length < 20) this.#report.faults.push(what.slice(0, 300));
	}
}

/**
 * For whom each message of a node is: now for all, now for some sessions of this or another node, now for nobody. The last
 * is for all.
 *
 * @param {number} node
 * @param {NodeWorkloadOptions} options
 * @returns {(string[] | undefined)[]}
 */
function planOf(node, { sessions, messages, seed }) {
	const random = randomNumbers(seed * 31 + node);
	const ids = [...sessions.flat(), 'nobody'];
	return Array.from({ length: messages }, (_, number) => {
		if (number === messages - 1 || random(10) < 3) return undefined;
		return Array.from({ length: 1 + random(4) }, () => ids[random(ids.length)]);
	});
}

/**
 * Each session has got every message that was for it or for all, once, and those of each sender in order. Of a node that
 * came to no end it has got them to some point; of what was refused, only those of the same node have.
 *
 * @param {Map<number, Report>} reports of the nodes that live
 * @param {NodeWorkloadOptions} options
 */
export function assertNothingLost(reports, options) {
	const plans = options.sessions.map((_, node) => planOf(node, options));
	const refused = options.sessions.map((_, node) => new Set(reports.get(node)?.refused));
	for (const [node, { got, faults }] of reports) {
		assert.deepEqual(faults, [], `node ${node} has noticed faults`);
		for (const id of options.sessions[node]) {
			for (const [sender, numbers] of got[id].entries()) {
				const to = plans[sender];
				const all = [...to.keys()].filter((number) => {
					const isOut = sender === node || !refused[sender].has(number);
					return isOut && (to[number] === undefined || to[number].includes(id));
				});
				const wanted = sender === options.mortal ? all.slice(0, numbers.length) : all;
				assertSame(numbers, wanted, `${id} of node ${node}, of what node ${sender} sent`);
			}
		}
	}
}

/**
 * @param {number[]} got
 * @param {number[]} wanted
 * @param {string} what
 */
function assertSame(got, wanted, what) {
	const length = Math.max(got.length, wanted.length);
	for (let index = 0; index < length; index++) {
		if (got[index] === wanted[index]) continue;
		const around = (/** @type {number[]} */ numbers) => numbers.slice(Math.max(0, index - 3), index + 6).join(', ');
		const missing = wanted.filter((number) => !got.includes(number));
		const twice = got.filter((number, at) => got.indexOf(number) !== at);
		assert.fail(
			`${what}: number ${index} is wrong, (${around(got)}) in place of (${around(wanted)}); ` +
				`${missing.length} of ${wanted.length} missing (${missing.slice(0, 10)}), ${twice.length} twice (${twice.slice(0, 10)})`,
		);
	}
}
