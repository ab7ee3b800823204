// The ways of a message into another thread. Each has an end that sends, in the main thread, and one that feeds the
// sessions of a worker: upstream's manager behind either of Node's two channels, this package's scope, and the floor.

import { BroadcastChannel, MessageChannel } from 'node:worker_threads';
import { InMemoryStreamSessionManager } from '../../lib/index.js';
import { managers, titles as sides } from '../harness/implementations.mjs';

/** @typedef {import('node:worker_threads').MessagePort} MessagePort */
/** @typedef {import('../harness/implementations.mjs').Manager} Manager */
/** @typedef {import('../streams/send.mjs').Target} Target */
/** @typedef {'broadcastChannel' | 'messagePort' | 'ours' | 'floor'} WayName */

/** @type {WayName[]} */
export const WAYS = ['broadcastChannel', 'messagePort', 'ours', 'floor'];

/** @type {Record<WayName, string>} */
export const titles = {
	broadcastChannel: `${sides.upstream} by BroadcastChannel`,
	messagePort: `${sides.upstream} by MessagePort`,
	ours: sides.ours,
	floor: sides.floor,
};

/**
 * @typedef {object} Sender
 * @property {(burst: Target[], data: string) => void} send a message to each of the targets, one behind the other
 * @property {() => void} close
 */

/**
 * What a worker needs of its ends.
 *
 * @typedef {object} Ends
 * @property {string} name of the channel, and of the scope
 * @property {MessagePort} port
 * @property {MessagePort} floor
 */

/**
 * @param {string} name of the channel, and of the scope
 * @param {number} workers
 */
export function openWays(name, workers) {
	const ports = channels(workers);
	const floors = channels(workers);
	/** @type {Record<WayName, Sender>} */
	const senders = {
		broadcastChannel: broadcastSender(new BroadcastChannel(name)),
		messagePort: portSender(ports.map(({ port1 }) => port1)),
		ours: ourSender(name),
		floor: floorSender(floors.map(({ port1 }) => port1)),
	};
	/** @type {Ends[]} */
	const ends = ports.map(({ port2: port }, index) => ({ name, port, floor: floors[index].port2 }));
	return { senders, ends };
}

/**
 * Feeds the sessions of this worker with what comes.
 *
 * @type {Record<WayName, (ends: Ends, feed: (sends: number) => void) => Manager | undefined>}
 */
export const receivers = {
	broadcastChannel({ name }) {
		const manager = managers.upstream();
		const channel = /** @type {any} */ (new BroadcastChannel(name));
		channel.onmessage = (/** @type {any} */ { data: message }) => manager.send(message.ids, message.data);
		return manager;
	},
	messagePort({ port }) {
		const manager = managers.upstream();
		// The fastest of what Node has: `onmessage` in place of `on` costs them 2 to 13 % more, `worker.postMessage` is no
		// faster.
		port.on('message', ({ ids, data }) => manager.send(ids, data));
		return manager;
	},
	ours: ({ name }) => new InMemoryStreamSessionManager({ scope: name }),
	floor({ floor }, feed) {
		floor.on('message', feed);
		return undefined;
	},
};

/** @param {number} count */
function channels(count) {
	return Array.from({ length: count }, () => new MessageChannel());
}

/**
 * @param {BroadcastChannel} channel
 * @returns {Sender}
 */
function broadcastSender(channel) {
	return {
		send(burst, data) {
			for (const { list } of burst) channel.postMessage({ ids: list, data });
		},
		close: () => channel.close(),
	};
}

/**
 * @param {MessagePort[]} ports
 * @returns {Sender}
 */
function portSender(ports) {
	return {
		send(burst, data) {
			for (const { list } of burst) {
				const message = { ids: list, data };
				for (const port of ports) port.postMessage(message);
			}
		},
		close: () => closeAll(ports),
	};
}

/**
 * @param {string} scope
 * @returns {Sender}
 */
function ourSender(scope) {
	const manager = new InMemoryStreamSessionManager({ scope });
	return {
		send(burst, data) {
			for (const { list } of burst) manager.send(list, data);
		},
		close() {},
	};
}

/**
 * One wake for the burst, and nothing carried over.
 *
 * @param {MessagePort[]} ports
 * @returns {Sender}
 */
function floorSender(ports) {
	return {
		send(burst) {
			for (const port of ports) port.postMessage(burst.length);
		},
		close: () => closeAll(ports),
	};
}

/** @param {MessagePort[]} ports */
function closeAll(ports) {
	for (const port of ports) port.close();
}
