// The messages that one node sends at a steady rate, to some sessions or to all, while a test makes Redis unreachable. The sessions
// of the node check what arrives. {@link assertNothingLost} checks the reports of all nodes afterwards.

import assert from 'node:assert/strict';
import { setTimeout as pass } from 'node:timers/promises';

import { text } from '../streams.js';
import { randomNumbers } from '../threads/random-numbers.js';
import { read, write } from '../threads/verifiable-messages.js';

/**
 * The workload of all nodes together.
 *
 * @typedef {object} NodeWorkloadOptions
 * @property {string[][]} sessions the sessions of each node
 * @property {number} messages number of messages that each node sends
 * @property {number} perSecond approximate number of messages per second of each node
 * @property {number} seed
 * @property {number} [killedNode] index of the node that the test kills
 * @property {boolean} [mayRefuse] true when `send` may reject because `maxPendingBytes` is reached
 */
/**
 * @typedef {object} Report
 * @property {Record<string, number[][]>} got numbers of the messages that each session received, for each sender
 * @property {number[]} refused numbers of the messages whose `send` rejected
 * @property {string[]} problems found during the run
 */

/** Number of messages sent in one turn of the event loop. */
const BURST_SIZE = 10;

export class NodeWorkload {
	/** @type {Report} */
	#report = { got: {}, refused: [], problems: [] };
	/** @type {Record<string, number>} number of senders whose last message each session has received */
	#ends = {};
	#manager;
	#node;
	#options;
	#changed;
	/** Number of messages sent so far. */
	sent = 0;

	/**
	 * @param {any} manager
	 * @param {number} node index of the node
	 * @param {NodeWorkloadOptions} options
	 * @param {() => void} changed called when a message was received or sent
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
				close: () => this.#problem(`${id} was closed`),
			});
		}
		await this.#manager.flush();
	}

	async run() {
		const { perSecond, mayRefuse, messages } = this.#options;
		const start = performance.now();
		for (const to of planOf(this.#node, this.#options)) {
			if (this.sent % BURST_SIZE === 0) {
				const early = start + (this.sent / perSecond) * 1_000 - performance.now();
				await pass(Math.max(0, early));
			}
			// Every session waits for the last message.
			if (mayRefuse && this.sent === messages - 1) await this.#allSent();
			this.#send(this.sent, to, write({ sender: this.#node, number: this.sent, to }));
			this.sent++;
			this.#changed();
		}
	}

	/** Resolves when Redis has everything that this node has sent. */
	async #allSent() {
		for (;;) {
			try {
				return await this.#manager.flush();
			} catch (error) {
				if (/** @type {any} */ (error).code !== 'ERR_BACKPLANE_UNAVAILABLE') throw error;
			}
		}
	}

	/** Returns true when each session has received the last message of every node, which is a broadcast. */
	isComplete() {
		const { sessions, killedNode } = this.#options;
		const senders = sessions.length - (killedNode === undefined ? 0 : 1);
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
			const isReported = unsent?.method === 'send' && unsent.args[0] === to && unsent.args[1] === message;
			if (!this.#options.mayRefuse || code !== 'ERR_BACKPLANE_UNAVAILABLE' || !isReported) {
				return this.#problem(`send rejected: ${error}`);
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
		if (known === undefined) return this.#problem(`${id} got wrong bytes: ${message}`);
		this.#report.got[id][known.sender].push(known.number);
		const { messages, killedNode } = this.#options;
		if (known.number === messages - 1 && known.sender !== killedNode) this.#ends[id]++;
	}

	/** @param {string} what */
	#problem(what) {
		if (this.#report.problems.length < 20) this.#report.problems.push(what.slice(0, 300));
	}
}

/**
 * Returns the recipients of each message of a node: all sessions, some sessions of any node, or an unknown session. The last
 * message is for all.
 *
 * @param {number} node
 * @param {NodeWorkloadOptions} options
 * @returns {(string[] | undefined)[]}
 */
function planOf(node, { sessions, messages, seed }) {
	const random = randomNumbers(seed * 31 + node);
	const ids = [...sessions.flat(), 'unknown'];
	return Array.from({ length: messages }, (_, number) => {
		if (number === messages - 1 || random(10) < 3) return undefined;
		return Array.from({ length: 1 + random(4) }, () => ids[random(ids.length)]);
	});
}

/**
 * Asserts that each session has received every message to it or to all, once, and in order for each sender. Of a killed node it
 * has received the messages up to some point. Refused messages have reached only sessions of the sending node.
 *
 * @param {Map<number, Report>} reports of the nodes that were not killed
 * @param {NodeWorkloadOptions} options
 */
export function assertNothingLost(reports, options) {
	const plans = options.sessions.map((_, node) => planOf(node, options));
	const refused = options.sessions.map((_, node) => new Set(reports.get(node)?.refused));
	for (const [node, { got, problems }] of reports) {
		assert.deepEqual(problems, [], `node ${node} found problems`);
		for (const id of options.sessions[node]) {
			for (const [sender, numbers] of got[id].entries()) {
				const to = plans[sender];
				const all = [...to.keys()].filter((number) => {
					const isOut = sender === node || !refused[sender].has(number);
					return isOut && (to[number] === undefined || to[number].includes(id));
				});
				const wanted = sender === options.killedNode ? all.slice(0, numbers.length) : all;
				assertSame(numbers, wanted, `${id} of node ${node}, messages of node ${sender}`);
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
			`${what}: number ${index} is wrong: received (${around(got)}), expected (${around(wanted)}); ` +
				`${missing.length} of ${wanted.length} missing (${missing.slice(0, 10)}), ${twice.length} duplicated (${twice.slice(0, 10)})`,
		);
	}
}
