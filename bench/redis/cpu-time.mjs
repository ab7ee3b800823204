// The CPU time of the nodes of a group and of Redis.

/** @typedef {import('./redis-server.mjs').RedisServer} RedisServer */
/** @typedef {import('./node-group.mjs').NodeGroup} NodeGroup */
/** @typedef {import('./node-handle.mjs').NodeHandle} NodeHandle */

/** Whose CPU time: that of a node's main thread, of all its threads, and of the Redis server. */
export const CONSUMERS = /** @type {const} */ ([
	'sender',
	'senderWhole',
	'receiver',
	'receiverWhole',
	'bystander',
	'bystanderWhole',
	'redis',
]);

/** @typedef {typeof CONSUMERS[number]} Consumer */
/** @typedef {Record<Consumer, number>} Cpu in nanoseconds; 0 for a bystander that does not exist */

/**
 * Returns the CPU time since each process started. That of the sender is the difference to the floor.
 *
 * @param {NodeGroup} group
 * @param {NodeHandle} floor a process without a manager, which keeps the pace at the same time
 * @returns {Promise<Cpu>}
 */
export async function cpuOf({ nodes, redis }, floor) {
	const [sender, receiver, bystander] = await Promise.all([
		aboveFloor(nodes.sender, floor),
		nodes.receiver.call('cpu'),
		nodes.bystander?.call('cpu'),
	]);
	return {
		sender: sender.main,
		senderWhole: sender.all,
		receiver: receiver.main,
		receiverWhole: receiver.all,
		bystander: bystander?.main ?? 0,
		bystanderWhole: bystander?.all ?? 0,
		redis: await redisCpuNs(redis),
	};
}

/**
 * @param {NodeHandle} node
 * @param {NodeHandle} floor
 */
export async function aboveFloor(node, floor) {
	const [own, least] = await Promise.all([node.call('cpu'), floor.call('cpu')]);
	return { main: own.main - least.main, all: own.all - least.all };
}

/** @param {RedisServer} redis */
async function redisCpuNs(redis) {
	/** @type {string} */
	const info = await redis.command('INFO', 'cpu');
	const [system, user] = [...info.matchAll(/^used_cpu_(?:sys|user):([\d.]+)/gm)].map(([, seconds]) => Number(seconds));
	return (system + user) * 1e9;
}
