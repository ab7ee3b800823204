// A process with many clients of one server. It orders the broadcasts, the next one when all clients have received the last.

import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { answerCalls } from '../harness/callable-process.mjs';
import { makeIds } from '../harness/test-data.mjs';
import { orderFor } from './control.mjs';
import { EventStream } from './event-stream.mjs';
import { dataIn, numberedData } from './messages.mjs';

/** @typedef {import('./messages.mjs').Size} Size */
/** @typedef {{ size: Size, burst: number }} Burst */

/** Clients that connect at the same time. */
const STEP = 100;
/** Numbers of messages that are sent in one turn and compared. The first one shows how long an event is. */
const CHECKED_BURSTS = [1, 1, 10];
const END_OF_EVENT = '\n\n';

class Client {
	/** Number of bytes that have not arrived. */
	missing = 0;
	/** What has arrived since the burst, if it is compared. */
	text = '';

	/**
	 * @param {number} port
	 * @param {string} id
	 */
	constructor(port, id) {
		new EventStream(port, id, this.#onBody, fail);
	}

	/** @type {(buffer: Buffer, start: number, end: number) => void} */
	#onBody = (buffer, start, end) => {
		if (isCompared) this.text += buffer.toString('latin1', start, end);
		if (isLengthKnown) this.missing -= end - start;
		else if (this.text.endsWith(END_OF_EVENT)) this.missing = 0;
		if (this.missing === 0) finish();
		if (this.missing < 0) fail('a client has received more than was sent');
	};
}

/** @type {Client[]} */
const clients = [];
/** Bytes of an event, as the clients receive it. @type {Partial<Record<Size, number>>} */
const bytes = {};
/** False for the first event of a size, and for the greeting: the servers write different fields. */
let isLengthKnown = false;
/** True if the clients keep what they receive. */
let isCompared = true;
/** Number of clients to which something is missing. */
let unfinished = 0;
let finish = () => {};
/** Number of the next message. */
let number = 0;

/** The connection that follows orders. @type {import('node:net').Socket} */
let sender;
/** @type {(port: number) => void} */
let onServer;
/** Resolves to the server's port. @type {Promise<number>} */
const server = new Promise((resolve) => {
	onServer = resolve;
});
/** @type {() => void} */
let onSender;
/** @type {Promise<void>} */
const senderConnected = new Promise((resolve) => {
	onSender = resolve;
});

const control = createServer({ noDelay: true }, async (socket) => {
	const [line] = await once(socket, 'data');
	/** @type {import('./control.mjs').Hello} */
	const { port, sends } = JSON.parse(String(line));
	if (port !== undefined) onServer(port);
	if (!sends) return;
	sender = socket;
	onSender();
});

answerCalls({
	/** Returns the port of the control connection. */
	async listen() {
		await once(control.listen(0, '127.0.0.1'), 'listening');
		return /** @type {import('node:net').AddressInfo} */ (control.address()).port;
	},

	/** Connects clients. Returns the server's port when each has received the greeting. @param {number} count */
	async connect(count) {
		const port = await server;
		await senderConnected;
		const ids = makeIds(count);
		while (clients.length < count) {
			const step = ids.slice(clients.length, clients.length + STEP);
			const finished = untilFinished(step.length);
			clients.push(...step.map((id) => new Client(port, id)));
			await finished;
		}
		return port;
	},

	/** Checks that each client receives each message once, in order. */
	async check() {
		isCompared = true;
		for (const size of /** @type {Size[]} */ (['short', 'long'])) {
			for (const burst of CHECKED_BURSTS) {
				isLengthKnown = bytes[size] !== undefined;
				for (const client of clients) client.text = '';
				const expected = Array.from({ length: burst }, (_, nth) => numberedData(size, number + nth));
				await broadcast({ size, burst });
				for (const { text } of clients) compare(dataIn(text), expected);
				bytes[size] ??= clients[0].text.length;
			}
		}
		isCompared = false;
		for (const client of clients) client.text = '';
	},

	/** Returns the time of many broadcasts, in milliseconds. @param {Burst & { bursts: number }} load */
	async run({ bursts, ...burst }) {
		const start = performance.now();
		for (let left = bursts; left > 0; left--) await broadcast(burst);
		return performance.now() - start;
	},

	/** Broadcasts until the time is over. @param {Burst & { ms: number }} load */
	async runFor({ ms, ...burst }) {
		for (const end = performance.now() + ms; performance.now() < end; ) await broadcast(burst);
	},

	/** Sends orders without messages, spread evenly over the time. @param {{ count: number, ms: number }} pace */
	async sendEmptyOrders({ count, ms }) {
		const start = performance.now();
		for (let nth = 1; nth <= count; nth++) {
			sender.write(orderFor('short', 0));
			const pause = start + (nth * ms) / count - performance.now();
			if (pause > 0) await wait(pause);
		}
	},
});

/**
 * Orders a broadcast, and resolves when each client has received it.
 *
 * @param {Burst} burst
 */
function broadcast({ size, burst }) {
	const missing = (bytes[size] ?? 1) * burst;
	for (const client of clients) client.missing = missing;
	number += burst;
	const finished = untilFinished(clients.length);
	sender.write(orderFor(size, burst));
	return finished;
}

/**
 * Resolves when that many clients have received everything.
 *
 * @param {number} count
 * @returns {Promise<void>}
 */
function untilFinished(count) {
	unfinished = count;
	return new Promise((resolve) => {
		finish = () => {
			unfinished--;
			if (unfinished === 0) resolve();
		};
	});
}

/**
 * @param {string[]} received
 * @param {string[]} expected
 */
function compare(received, expected) {
	if (received.length === expected.length && received.every((data, index) => data === expected[index])) return;
	fail(`received ${JSON.stringify(received)} in place of ${JSON.stringify(expected)}`.slice(0, 1_000));
}

/** @param {string} problem */
function fail(problem) {
	console.error(`A client of the rows of delivery: ${problem}`);
	process.exit(1);
}
