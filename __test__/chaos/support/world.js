// Everything that takes part in a chaos run: Redis, a proxy in front of it for each server, the servers behind a load balancer,
// and their clients.

import { setTimeout as pass } from 'node:timers/promises';

import { startBalancer } from '../../../examples/redis/support/balancer.mjs';
import { startRedis } from '../../support/redis.js';
import { BreakingProxy } from '../../support/redis-node/breaking-proxy.js';
import { newPrefix } from '../../support/redis-node/node.js';
import { randomNumbers } from '../../support/threads/random-numbers.js';
import { ChaosClient } from './client.js';
import { Requests } from './requests.js';
import { ChaosServer } from './server.js';

/** @import { TestContext } from 'node:test' */
/** @import { Problems } from './problems.js' */

const SERVERS = ['A', 'B', 'C'];
const STEADY_CLIENTS = 6;
const RESTLESS_CLIENTS = 12;
/** Maximum pause of a client between two actions, in milliseconds. */
const PAUSE_MS = 400;
/** Interval at which the servers read while Redis refuses writes, in milliseconds. */
const READ_MS = 200;
/** Number of connections that a proxy breaks in the middle of commands or replies, in one fault. */
const CUTS = 10;

export class World {
	requests = new Requests();
	/** Names of the servers that ended before the run stopped them. @type {string[]} */
	ended = [];
	/** Number of calls of clients that failed. */
	failed = 0;
	#isStopping = false;
	#isPaused = true;
	#problems;

	/**
	 * @param {Problems} problems
	 * @param {import('../../support/redis.js').RedisServer} redis
	 * @param {BreakingProxy[]} proxies
	 * @param {ChaosServer[]} servers
	 */
	constructor(problems, redis, proxies, servers) {
		this.#problems = problems;
		this.redis = redis;
		this.proxies = proxies;
		this.servers = servers;
		/** @type {ChaosClient[]} */
		this.clients = [];
		for (const server of servers) {
			server.ended.then(({ code, signal }) => {
				if (this.#isStopping) return;
				this.ended.push(server.name);
				problems.add(`server ${server.name} has ended with ${code ?? signal}: ${server.lastOutput}`);
			});
		}
	}

	/**
	 * @param {TestContext} t
	 * @param {number} seed
	 * @param {Problems} problems
	 */
	static async start(t, seed, problems) {
		// With `appendfsync always`, a kill loses nothing that Redis has accepted.
		const redis = await startRedis({ appendOnly: true, appendfsync: 'always' });
		t.after(() => redis.end());
		const proxies = SERVERS.map((_, index) => new BreakingProxy(redis.port, { seed: seed + index, cuts: CUTS }));
		t.after(() => proxies.map((proxy) => proxy.end()));
		const urls = await Promise.all(proxies.map((proxy) => proxy.start()));
		const prefix = newPrefix();
		const servers = SERVERS.map((name, index) => new ChaosServer(name, urls[index], prefix));
		t.after(() => Promise.all(servers.map((server) => server.kill())));
		const world = new World(problems, redis, proxies, servers);
		const ports = await Promise.all(servers.map((server) => server.listens()));
		const balancer = await startBalancer(0, ports);
		t.after(() => balancer.close());
		await world.#connectClients(seed, new URL(balancer.url).origin);
		t.after(() => world.#dropClients());
		return world;
	}

	/**
	 * Lets the clients act, and the servers send, while a function runs. Resolves when they pause again.
	 *
	 * @param {() => Promise<unknown>} what
	 */
	async withTraffic(what) {
		this.#isPaused = false;
		await this.do('tick');
		const acting = Promise.all(this.clients.map((client) => this.#act(client)));
		await what();
		this.#isPaused = true;
		await acting;
		await this.do('stopTicking');
	}

	/**
	 * Calls a command of each server.
	 *
	 * @param {string} command
	 * @param {...any} args
	 * @returns {Promise<any[]>}
	 */
	do(command, ...args) {
		return Promise.all(this.servers.map((server) => server.do(command, ...args)));
	}

	/**
	 * Lets each server read what it knows of the steady clients, again and again: Redis replies, even if it refuses writes.
	 *
	 * @param {Promise<void>} lasts
	 */
	async readsUntil(lasts) {
		const steady = this.clients.filter(({ isSteady }) => isSteady);
		const sessions = steady.map(({ session }) => session);
		while ((await Promise.race([lasts.then(() => 'over'), pass(READ_MS)])) !== 'over') {
			for (const [server, known] of (await this.do('knows', sessions)).entries()) {
				const unknown = steady.filter((client, index) => {
					const { exists, client: name } = known.sessions[index];
					return !exists || name !== client.name;
				});
				for (const { name } of unknown) this.#problems.add(`server ${this.servers[server].name} does not read ${name}`);
			}
		}
	}

	/** Stops all servers as an administrator does. Resolves with how their processes ended. */
	async stop() {
		this.#isStopping = true;
		const began = performance.now();
		const ends = await Promise.all(this.servers.map((server) => server.stop()));
		const ms = performance.now() - began;
		await this.#dropClients();
		for (const [index, { code, signal }] of ends.entries()) {
			const { name, lastOutput } = this.servers[index];
			if (code !== 0 && !this.ended.includes(name))
				this.#problems.add(`server ${name} stopped with ${code ?? signal}: ${lastOutput}`);
		}
		return { ends: ends.map(({ code, signal }) => code ?? signal), ms };
	}

	/**
	 * @param {number} seed
	 * @param {string} origin
	 */
	async #connectClients(seed, origin) {
		const { requests } = this;
		this.clients = Array.from({ length: STEADY_CLIENTS + RESTLESS_CLIENTS }, (_, index) => {
			const isSteady = index < STEADY_CLIENTS;
			// Each client has its own random numbers, because their speeds differ.
			const random = randomNumbers(seed + 1 + index);
			const name = `${isSteady ? 'steady' : 'restless'} ${index}`;
			return new ChaosClient(name, { origin, requests, random, isSteady, problem: this.#problems.add });
		});
		await Promise.all(this.clients.map((client) => client.connect()));
	}

	/** @param {ChaosClient} client */
	async #act(client) {
		while (!this.#isPaused && this.ended.length === 0) {
			await pass(client.random(PAUSE_MS));
			try {
				await client.act();
			} catch (error) {
				this.failed++;
				this.#problems.add(`${client.name}: ${error}`);
			}
		}
	}

	#dropClients() {
		return Promise.all(this.clients.map((client) => client.leave()));
	}
}
