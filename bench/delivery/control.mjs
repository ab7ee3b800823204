// The control connection: a server connects to the process of its clients, says what it is, and follows orders. An order is
// one byte: the number of messages to broadcast in one turn, and the highest bit for long ones. 0 sends nothing, and shows
// what an order itself costs.

import { connect } from 'node:net';
import { numberedData } from './messages.mjs';

/** @typedef {import('./messages.mjs').Size} Size */

/**
 * What a process or thread says when it connects.
 *
 * @typedef {object} Hello
 * @property {number} [port] where it serves clients
 * @property {boolean} [sends] true when it follows orders
 */

const IS_LONG = 0x80;

/**
 * @param {Size} size
 * @param {number} burst number of messages
 */
export function orderFor(size, burst) {
	return Buffer.of(size === 'long' ? burst | IS_LONG : burst);
}

/**
 * Connects to the clients. The process ends when they disconnect.
 *
 * @param {number} port
 * @param {Hello} hello
 * @param {(data: string) => void} [broadcast]
 */
export function followOrders(port, hello, broadcast = () => {}) {
	let number = 0;
	/** @param {number} order */
	const follow = (order) => {
		const size = order & IS_LONG ? 'long' : 'short';
		for (let left = order & ~IS_LONG; left > 0; left--) broadcast(numberedData(size, number++));
	};
	const socket = connect({
		port,
		host: '127.0.0.1',
		noDelay: true,
		// Cheaper than `data` events, which allocate a buffer for each order.
		onread: {
			buffer: Buffer.alloc(64),
			callback(length, buffer) {
				for (let index = 0; index < length; index++) follow(buffer[index]);
				return true;
			},
		},
	});
	socket.on('close', () => process.exit());
	socket.on('error', () => process.exit(1));
	socket.write(`${JSON.stringify(hello)}\n`);
}
