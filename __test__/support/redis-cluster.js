// A Redis Cluster for tests: three masters with a replica each, on loopback.

import { startRedis } from './redis.js';
import { isInSync, SYNC_AT_ONCE, until } from './redis-replicas.js';

/** @import { RedisServer } from './redis.js' */

const MASTERS = 3;
const SLOTS = 16_384;
const ARGS = [
	...['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000', '--cluster-replica-validity-factor', '0'],
	...SYNC_AT_ONCE,
];
/** Time after which a replica that was not elected is asked again to take over. */
const ASK_AGAIN_MS = 1_000;
/** Number of keys that one `MIGRATE` moves. */
const KEYS_AT_ONCE = 10;

/** Starts a cluster, and resolves when it accepts commands. The caller ends it: `test.after(() => cluster.end())`. */
export async function startCluster() {
	const cluster = new RedisCluster(await Promise.all(Array.from({ length: 2 * MASTERS }, startNode)));
	try {
		await cluster.join();
	} catch (error) {
		await cluster.end();
		throw error;
	}
	return cluster;
}

/** A cluster, started by {@link startCluster}. */
export class RedisCluster {
	/** @type {Map<string, RedisServer>} the servers by their ids in the cluster */
	#byId = new Map();

	/** @param {RedisServer[]} servers */
	constructor(servers) {
		this.servers = servers;
	}

	/** The URL with the addresses of all servers. */
	get url() {
		return `redis://${this.servers.map(({ port }) => `127.0.0.1:${port}`).join(',')}`;
	}

	/** Makes a cluster of the servers. */
	async join() {
		const { servers } = this;
		const ids = await Promise.all(servers.map((server) => server.command('CLUSTER', 'MYID')));
		for (const [index, id] of ids.entries()) this.#byId.set(id, servers[index]);
		const masters = servers.slice(0, MASTERS);
		for (const [index, server] of servers.entries()) await server.command('CLUSTER', 'SET-CONFIG-EPOCH', index + 1);
		await Promise.all(masters.map((master, index) => master.command('CLUSTER', 'ADDSLOTS', ...slotsOf(index))));
		for (const { port } of servers.slice(1)) await servers[0].command('CLUSTER', 'MEET', '127.0.0.1', port);
		const knowsAll = async (/** @type {RedisServer} */ server) => (await nodesOf(server)).length === servers.length;
		await Promise.all(servers.map((server) => until(() => knowsAll(server), 'a server does not know all others')));
		await Promise.all(servers.slice(MASTERS).map((replica, index) => this.#replicate(replica, ids[index])));
		await Promise.all(servers.map(isReady));
		await Promise.all(servers.slice(MASTERS).map(isInSync));
	}

	/**
	 * Resolves with the master that has the slot of a key.
	 *
	 * @param {string} key
	 */
	async masterOf(key) {
		const slot = await this.#anyLiving().command('CLUSTER', 'KEYSLOT', key);
		const owner = await this.#ownerOf(slot);
		if (owner === undefined) throw new Error(`no server has the slot of ${key}`);
		return owner;
	}

	/**
	 * Kills the master of a key (SIGKILL), and resolves with the former replica when all servers know it as the new master.
	 *
	 * @param {string} key
	 */
	async killMaster(key) {
		const { slot, master } = await this.#slotOf(key);
		await master.kill();
		return this.#newMaster(slot, master);
	}

	/**
	 * Makes the replica of a key's master the master (`CLUSTER FAILOVER`), and resolves with it when all servers know.
	 *
	 * @param {string} key
	 */
	async failOver(key) {
		const { slot, master } = await this.#slotOf(key);
		/** @type {RedisServer[]} */
		let replicas = [];
		// After another failover, the old master becomes a replica.
		await until(async () => {
			replicas = await this.#replicasOf(master);
			return replicas.length > 0;
		}, 'the master has no replica');
		const [replica] = replicas;
		await isInSync(replica);
		let asked = Number.NEGATIVE_INFINITY;
		await until(async () => {
			// The other masters refuse their votes for some seconds after another failover.
			if (performance.now() > asked + ASK_AGAIN_MS) {
				asked = performance.now();
				await replica.command('CLUSTER', 'FAILOVER');
			}
			return (await this.#ownerOf(slot, replica)) === replica;
		}, 'the replica does not take over');
		return this.#newMaster(slot, master);
	}

	/**
	 * Moves the slot of a key, with its keys, to another master. Resolves with that master.
	 *
	 * @param {string} key
	 */
	async moveSlot(key) {
		const move = await this.beginMove(key);
		await move.moveKeys();
		await move.finish();
		return move.to;
	}

	/**
	 * Begins to move the slot of a key to another master. Until the move is finished, keys of the slot may be on both masters.
	 *
	 * @param {string} key
	 */
	async beginMove(key) {
		const { slot, master: from } = await this.#slotOf(key);
		const masters = (await nodesOf(from)).filter(({ isMaster, isLiving }) => isMaster && isLiving);
		const idOf = (/** @type {RedisServer} */ server) => [...this.#byId].find(([, each]) => each === server)?.[0];
		const target = masters.find(({ id }) => id !== idOf(from));
		const to = this.#byId.get(target?.id ?? '');
		if (target === undefined || to === undefined) throw new Error('there is no other master');
		await to.command('CLUSTER', 'SETSLOT', slot, 'IMPORTING', /** @type {string} */ (idOf(from)));
		await from.command('CLUSTER', 'SETSLOT', slot, 'MIGRATING', target.id);
		const migrate = (/** @type {string[]} */ keys) =>
			from.command('MIGRATE', '127.0.0.1', to.port, '', 0, 5_000, 'REPLACE', 'KEYS', ...keys);
		return {
			from,
			to,
			/** Moves one key. @param {string} name */
			moveKey: (name) => migrate([name]),
			/** Moves all keys that are not moved yet. */
			moveKeys: async () => {
				for (;;) {
					const keys = await from.command('CLUSTER', 'GETKEYSINSLOT', slot, KEYS_AT_ONCE);
					if (keys.length === 0) break;
					await migrate(keys);
				}
			},
			/** Gives the slot to the other master. Resolves when all servers know. */
			finish: async () => {
				// The new owner first, because the slot has an owner at every moment then.
				for (const server of [to, from]) await server.command('CLUSTER', 'SETSLOT', slot, 'NODE', target.id);
				await this.#allKnow(slot, (owner) => owner === to);
			},
		};
	}

	/** Ends all servers in any state. */
	async end() {
		await Promise.all(this.servers.map((server) => server.end()));
	}

	/**
	 * @param {RedisServer} replica
	 * @param {string} masterId
	 */
	async #replicate(replica, masterId) {
		// The replica may not have heard yet that the other is a master.
		await until(async () => {
			try {
				return (await replica.command('CLUSTER', 'REPLICATE', masterId)) === 'OK';
			} catch {
				return false;
			}
		}, 'a server does not become a replica');
	}

	/** @param {string} key */
	async #slotOf(key) {
		const master = await this.masterOf(key);
		return { slot: await master.command('CLUSTER', 'KEYSLOT', key), master };
	}

	/**
	 * @param {number} slot
	 * @param {RedisServer} old
	 */
	async #newMaster(slot, old) {
		await this.#allKnow(slot, (owner) => owner !== undefined && owner !== old);
		return /** @type {RedisServer} */ (await this.#ownerOf(slot));
	}

	/**
	 * @param {number} slot
	 * @param {(owner: RedisServer | undefined) => boolean} isWanted
	 */
	async #allKnow(slot, isWanted) {
		const living = this.servers.filter(({ isRunning }) => isRunning);
		await Promise.all(
			living.map((server) =>
				until(async () => isWanted(await this.#ownerOf(slot, server)), `the owner of slot ${slot} does not change`),
			),
		);
	}

	/**
	 * Resolves with the master that has a slot, as one server sees it.
	 *
	 * @param {number} slot
	 * @param {RedisServer} [asked]
	 */
	async #ownerOf(slot, asked = this.#anyLiving()) {
		const owner = (await nodesOf(asked)).find(
			({ isMaster, slots }) => isMaster && slots.some(([first, last]) => first <= slot && slot <= last),
		);
		return this.#byId.get(owner?.id ?? '');
	}

	/** @param {RedisServer} master */
	async #replicasOf(master) {
		const nodes = await nodesOf(master);
		const own = nodes.find(({ id }) => this.#byId.get(id) === master);
		const replicas = nodes.filter(({ masterId, isLiving }) => masterId === own?.id && isLiving);
		return /** @type {RedisServer[]} */ (replicas.map(({ id }) => this.#byId.get(id)));
	}

	#anyLiving() {
		const living = this.servers.find(({ isRunning }) => isRunning);
		if (living === undefined) throw new Error('no server of the cluster runs');
		return living;
	}
}

function startNode() {
	return startRedis({ args: ARGS, anyPort: portWithBus });
}

/** Returns a port that has its cluster bus, on the port plus 10,000, below the ports of outgoing connections, too. */
export function portWithBus() {
	return 10_000 + Math.floor(Math.random() * 12_000);
}

/** @param {number} master index of the master */
function slotsOf(master) {
	const first = Math.ceil((master * SLOTS) / MASTERS);
	const end = Math.ceil(((master + 1) * SLOTS) / MASTERS);
	return Array.from({ length: end - first }, (_, index) => first + index);
}

/**
 * Resolves with what a server knows about the servers of its cluster.
 *
 * @param {RedisServer} server
 */
async function nodesOf(server) {
	/** @type {string} */
	const lines = await server.command('CLUSTER', 'NODES');
	return lines
		.trim()
		.split('\n')
		.map((line) => {
			const [id, , flags, masterId, , , , link, ...slots] = line.split(' ');
			return {
				id,
				masterId,
				isMaster: /\bmaster\b/.test(flags),
				isLiving: !/\bfail\b|noaddr|handshake/.test(flags) && (link === 'connected' || flags.includes('myself')),
				// Slots in brackets are those that move.
				slots: slots.filter((range) => !range.startsWith('[')).map(rangeOf),
			};
		});
}

/** @param {string} range such as `0-5460` or `7` */
function rangeOf(range) {
	const [first, last = first] = range.split('-').map(Number);
	return /** @type {const} */ ([first, last]);
}

/** @param {RedisServer} server */
function isReady(server) {
	const isOk = async () => {
		const replicas = (await nodesOf(server)).filter(({ isMaster }) => !isMaster);
		const info = await server.command('CLUSTER', 'INFO');
		return replicas.length === MASTERS && info.includes('cluster_state:ok');
	};
	return until(isOk, 'the cluster does not accept commands');
}
