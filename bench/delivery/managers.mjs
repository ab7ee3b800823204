// The managers of the servers. Each loads its packages only when it is used: a process has one of them.

/** @typedef {'main' | 'worker' | 'redis'} From where messages are sent: the server's thread, another thread, another process */
/** @typedef {'upstream' | 'ours' | 'native' | 'pubSub'} Implementation */

/**
 * @typedef {object} Manager
 * @property {(id: string, controller: ReadableStreamDefaultController) => unknown} create
 * @property {(id: string) => unknown} delete
 * @property {(ids: string[] | undefined, data: string) => unknown} send
 * @property {() => Promise<unknown>} [ready] resolves when messages of other processes arrive here
 */

const SCOPE = 'delivery';
const CHANNEL = 'delivery';

/**
 * Returns the manager of the thread that has the clients, or of one that sends to them.
 *
 * @param {Implementation} implementation
 * @param {From} from
 * @param {string | undefined} redisUrl
 * @returns {Promise<Manager>}
 */
export async function createManager(implementation, from, redisUrl = '') {
	if (implementation === 'pubSub') {
		const { PubSubSessionManager } = await import('../redis/pub-sub-manager.mjs');
		return new PubSubSessionManager(redisUrl);
	}
	if (implementation === 'upstream') {
		const { InMemoryStreamSessionManager } = await import('upstream');
		const manager = new InMemoryStreamSessionManager();
		return from === 'worker' ? withBroadcastChannel(manager) : manager;
	}
	if (from === 'redis') {
		const { RedisStreamSessionManager } = await import('../../lib/redis.js');
		// Servers with the same prefix would receive the messages of each other.
		return new RedisStreamSessionManager(redisUrl, { prefix: implementation });
	}
	const { InMemoryStreamSessionManager } = await import('../../lib/index.js');
	return new InMemoryStreamSessionManager(from === 'worker' ? { scope: SCOPE } : {});
}

/**
 * Makes a manager that broadcasts to the sessions of other threads.
 *
 * @param {Manager} manager
 * @returns {Manager}
 */
function withBroadcastChannel(manager) {
	const channel = new BroadcastChannel(CHANNEL);
	channel.onmessage = (/** @type {any} */ { data }) => manager.send(undefined, data);
	return {
		create: (id, controller) => manager.create(id, controller),
		delete: (id) => manager.delete(id),
		send: (_, data) => channel.postMessage(data),
	};
}
