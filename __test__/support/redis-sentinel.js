// A Redis master with two replicas and three Sentinels for tests, on loopback.

import { startRedis } from './redis.js';
import { isInSync, SYNC_AT_ONCE, until } from './redis-replicas.js';

/** @import { RedisServer } from './redis.js' */

/** The name of the master. */
const NAME = 'mymaster';
const REPLICAS = 2;
const SENTINELS = 3;

/** Starts the servers, and resolves when the Sentinels know all of them. The caller ends them: `test.after(() => sentinel.end())`. */
export async function startSentinel() {
	/** @type {RedisServer[]} */
	const started = [];
	/** @param {Parameters<typeof startRedis>[0]} options */
	const start = async (options) => {
		const server = await startRedis(options);
		started.push(server);
		return server;
	};
	try {
		const master = await start({ args: SYNC_AT_ONCE });
		const replicaOf = ['--replicaof', '127.0.0.1', String(master.port)];
		const replica = () => start({ args: [...SYNC_AT_ONCE, ...replicaOf] });
		const replicas = await Promise.all(Array.from({ length: REPLICAS }, replica));
		await Promise.all(replicas.map(isInSync));
		const config = [
			`sentinel monitor ${NAME} 127.0.0.1 ${master.port} 2`,
			`sentinel down-after-milliseconds ${NAME} 1000`,
			`sentinel failover-timeout ${NAME} 4000`,
		];
		const sentinels = await Promise.all(Array.from({ length: SENTINELS }, () => start({ sentinel: config })));
		await Promise.all(sentinels.map(knowsAll));
		return new RedisSentinel([master, ...replicas], sentinels);
	} catch (error) {
		await Promise.all(started.map((server) => server.end()));
		throw error;
	}
}

/** The servers, started by {@link startSentinel}. */
export class RedisSentinel {
	/**
	 * @param {RedisServer[]} servers
	 * @param {RedisServer[]} sentinels
	 */
	constructor(servers, sentinels) {
		this.servers = servers;
		this.sentinels = sentinels;
	}

	/** The URL with the addresses of the Sentinels. */
	get url() {
		return `redis-sentinel://${this.sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',')}/0#${NAME}`;
	}

	/** Resolves with the server that the Sentinels name as the master. */
	async master() {
		const port = await namedBy(this.sentinels[0]);
		return /** @type {RedisServer} */ (this.servers.find((server) => server.port === port));
	}

	/** Kills the master (SIGKILL). Resolves with the new master, when all Sentinels name it. */
	async killMaster() {
		const master = await this.master();
		await master.kill();
		return this.#newMaster(master);
	}

	/**
	 * Pauses the master (SIGSTOP): its connections stay open. Resolves with the new master, when all Sentinels name it, and with
	 * the paused one.
	 */
	async freezeMaster() {
		const frozen = await this.master();
		frozen.pause();
		return { frozen, master: await this.#newMaster(frozen) };
	}

	/** Makes a replica the master (`SENTINEL FAILOVER`). Resolves with it, when all Sentinels name it. */
	async failOver() {
		const master = await this.master();
		await this.sentinels[0].command('SENTINEL', 'FAILOVER', NAME);
		return this.#newMaster(master);
	}

	/** Ends all servers in any state. */
	async end() {
		await Promise.all([...this.servers, ...this.sentinels].map((server) => server.end()));
	}

	/** @param {RedisServer} old */
	async #newMaster(old) {
		const isNew = async (/** @type {RedisServer} */ sentinel) => (await namedBy(sentinel)) !== old.port;
		await Promise.all(
			this.sentinels.map((sentinel) => until(() => isNew(sentinel), 'a Sentinel names no other master')),
		);
		const master = await this.master();
		await until(
			async () => (await master.command('INFO', 'replication')).includes('role:master'),
			'the server does not become the master',
		);
		return master;
	}
}

/** @param {RedisServer} sentinel */
async function namedBy(sentinel) {
	const [, port] = await sentinel.command('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', NAME);
	return Number(port);
}

/** @param {RedisServer} sentinel */
function knowsAll(sentinel) {
	const all = { 'num-slaves': REPLICAS, 'num-other-sentinels': SENTINELS - 1 };
	return until(async () => {
		/** @type {string[]} */
		const fields = await sentinel.command('SENTINEL', 'MASTER', NAME);
		return Object.entries(all).every(([name, count]) => Number(fields[fields.indexOf(name) + 1]) === count);
	}, 'a Sentinel does not know all servers');
}
