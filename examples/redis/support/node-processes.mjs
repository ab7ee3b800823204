// Several nodes behind a load balancer on one machine. Each node is a process.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { startBalancer } from './balancer.mjs';

const FILE = fileURLToPath(new URL('../node.mjs', import.meta.url));

/**
 * @typedef {object} Settings
 * @property {string} redisUrl
 * @property {string} [prefix] of the keys in Redis
 * @property {number} [nodeTtlMs] time after which the other nodes take a killed node for dead
 */

/**
 * @param {number} count number of nodes
 * @param {number} port of the load balancer, 0 for any free port
 * @param {Settings} settings
 */
export async function startNodes(count, port, settings) {
	/** @type {Node[]} */
	const nodes = [];
	/** @type {number[]} */
	const ports = [];
	const balancer = await startBalancer(port, ports);
	let started = 0;

	/** Adds a node. */
	async function add() {
		const node = await Node.start(String(++started), settings);
		nodes.push(node);
		ports.push(node.port);
		return node;
	}

	/**
	 * Ends a node: SIGTERM shuts it down, SIGKILL is like a power failure.
	 *
	 * @param {Node} node
	 * @param {'SIGTERM' | 'SIGKILL'} signal
	 */
	async function end(node, signal) {
		nodes.splice(nodes.indexOf(node), 1);
		await node.end(signal);
		// Only now, as a load balancer that notices it when a connection is refused.
		ports.splice(ports.indexOf(node.port), 1);
	}

	/** Ends all nodes. Resolves when the last connection is closed. */
	async function close() {
		await Promise.all(nodes.map((node) => node.end('SIGTERM')));
		await balancer.close();
	}

	try {
		for (let index = 0; index < count; index++) await add();
	} catch (error) {
		await close();
		throw error;
	}
	return { url: balancer.url, about: `A load balancer with ${count} nodes of an MCP server`, nodes, add, end, close };
}

/** The process of a node. */
export class Node {
	#process;
	#ended;

	/**
	 * @param {string} name
	 * @param {Settings} settings
	 */
	constructor(name, { redisUrl, prefix = 'mcp', nodeTtlMs = 10_000 }) {
		this.name = name;
		/** Port of the node. 0 until it listens. */
		this.port = 0;
		const shared = { REDIS_URL: redisUrl, PREFIX: prefix, NODE_TTL_MS: String(nodeTtlMs) };
		this.#process = spawn(process.execPath, [FILE], {
			env: { ...process.env, ...shared, NAME: name, PORT: '0' },
			stdio: ['ignore', 'pipe', 'inherit'],
		});
		this.#ended = once(this.#process, 'exit');
		// When this program exits, no node may be left.
		const kill = () => this.#process.kill('SIGKILL');
		process.once('exit', kill);
		this.#ended.then(() => process.off('exit', kill));
	}

	/**
	 * @param {string} name
	 * @param {Settings} settings
	 */
	static async start(name, settings) {
		const node = new Node(name, settings);
		node.port = await Promise.race([node.#listens(), node.#ended.then(() => Promise.reject(tooEarly(name)))]);
		return node;
	}

	/** Resolves to the port that the node prints. */
	async #listens() {
		const { stdout } = this.#process;
		let output = '';
		stdout.setEncoding('utf8');
		for (;;) {
			const [, port] = output.match(/listens on http:\/\/[^/]+:(\d+)/) ?? [];
			if (port !== undefined) {
				stdout.resume();
				return Number(port);
			}
			output += (await once(stdout, 'data'))[0];
		}
	}

	/** @param {'SIGTERM' | 'SIGKILL'} signal */
	async end(signal) {
		this.#process.kill(signal);
		await this.#ended;
	}
}

/** @param {string} name */
function tooEarly(name) {
	return new Error(`Node ${name} ended before it listened`);
}
