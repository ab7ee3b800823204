// The channels into another thread that are compared. Each has a sender in the main thread, and a receiver in each worker that
// passes messages on to the worker's sessions: upstream's manager behind a BroadcastChannel or a MessagePort, this package's
// scope, and the floor.

import { BroadcastChannel, MessageChannel } from 'node:worker_threads';
import { InMemoryStreamSessionManager } from '../../lib/index.js';
import { managers } from '../harness/implementations.mjs';
import { channelTitlesOf, readVersions } from '../harness/versions.mjs';

/** @typedef {import('node:worker_threads').MessagePort} MessagePort */
/** @typedef {import('../harness/implementations.mjs').Manager} Manager */
/** @typedef {import('../streams/send-timing.mjs').Target} Target */
/** @typedef {'broadcastChannel' | 'messagePort' | 'ours' | 'floor'} Channel */

/** @type {Channel[]} */
export const CHANNELS = ['broadcastChannel', 'messagePort', 'ours', 'floor'];

/** Names in error messages. @type {Record<Channel, string>} */
export const titles = channelTitlesOf(readVersions());

/**
 * @typedef {object} Sender
 * @property {(burst: Target[], data: string) => void} send sends one message to each of the targets
 * @property {() => void} close
 */

/**
 * What a worker needs for its receivers.
 *
 * @typedef {object} Connections
 * @property {string} name of the BroadcastChannel and of the scope
 * @property {MessagePort} port
 * @property {MessagePort} floorPort
 */

/**
 * @param {string} name of the BroadcastChannel and of the scope
 * @param {number} workers
 */
export function openChannels(name, workers) {
	const ports = messageChannels(workers);
	const floorPorts = messageChannels(workers);
	/** @type {Record<Channel, Sender>} */
	const senders = {
		broadcastChannel: broadcastSender(new BroadcastChannel(name)),
		messagePort: portSender(ports.map(({ port1 }) => port1)),
		ours: scopeSender(name),
		floor: floorSender(floorPorts.map(({ port1 }) => port1)),
	};
	/** @type {Connections[]} */
	const connections = ports.map(({ port2 }, index) => ({ name, port: port2, floorPort: floorPorts[index].port2 }));
	return { senders, connections };
}

/**
 * Start to receive in a worker, and return the manager of its sessions.
 *
 * @type {Record<Channel, (connections: Connections, onFloor: (sends: number) => void) => Manager | undefined>}
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
		// The fastest way in Node: `onmessage` takes 2 to 13 % longer than `on`, and `worker.postMessage` is not faster.
		port.on('message', ({ ids, data }) => manager.send(ids, data));
		return manager;
	},
	ours: ({ name }) => new InMemoryStreamSessionManager({ scope: name }),
	floor({ floorPort }, onFloor) {
		floorPort.on('message', onFloor);
		return undefined;
	},
};

/** @param {number} count */
function messageChannels(count) {
	return Array.from({ length: count }, () => new MessageChannel());
}

/**
 * @param {BroadcastChannel} channel
 * @returns {Sender}
 */
function broadcastSender(channel) {
	return {
		send(burst, data) {
			for (const { ids } of burst) channel.postMessage({ ids, data });
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
			for (const { ids } of burst) {
				const message = { ids, data };
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
function scopeSender(scope) {
	const manager = new InMemoryStreamSessionManager({ scope });
	return {
		send(burst, data) {
			for (const { ids } of burst) manager.send(ids, data);
		},
		close() {},
	};
}

/**
 * Wakes each worker once per burst, with the number of messages only.
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
