// A Redis of the tests' own: a server on a free port of this machine, with a folder of its own, that can be killed, stopped,
// paused and started again. The binary is `redis-server`, or what REDIS_SERVER names (that of Valkey, for instance).

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { createClient } from 'redis';

const BINARY = process.env.REDIS_SERVER || 'redis-server';
const IS_THERE = spawnSync(BINARY, ['--version']).status === 0;
const MISSING = `there is no ${BINARY}: apt-get install redis-server, or name the binary of a Redis or Valkey, REDIS_SERVER=/path/to/it`;

/** Whether a port is free is not known before the server has it. */
const PORT_TAKEN = /Address already in use/;

/**
 * Ends a server and removes its folder when its input ends, which it does with the process that started them, whichever way
 * that ends. It is told the server's process id, and an empty line when there is none any more.
 */
const WATCH = `trap '' HUP INT TERM
while read -r line; do server=$line; done
[ -z "$server" ] || kill -KILL "$server"
rm -rf "$1"`;

/**
 * Tests that need a server. Where there is none they are skipped, with a line that says how to get one; with CI=true that is
 * no reason, and {@link startRedis} fails.
 *
 * @param {string} name
 * @param {() => void} tests
 */
export function describeWithRedis(name, tests) {
	if (IS_THERE || process.env.CI === 'true') describe(name, tests);
	else test(name, { skip: MISSING }, () => {});
}

/**
 * @typedef {object} RedisOptions
 * @property {boolean} [appendOnly] whether what was written is there again after a restart
 * @property {'always' | 'everysec' | 'no'} [appendfsync] when it is on the disk: `always` is before it is answered
 * @property {string[]} [args] more arguments of the server, such as `['--maxmemory', '10mb']`
 */

/**
 * Starts a server, and resolves when it takes connections. Whoever starts one ends it:
 * `test.after(() => redis.end())`.
 *
 * @param {RedisOptions} [options]
 */
export async function startRedis(options = {}) {
	if (!IS_THERE) throw new Error(MISSING);
	for (;;) {
		const redis = new RedisServer(anyPort(), options);
		try {
			await redis.start();
			return redis;
		} catch (error) {
			await redis.end();
			if (!PORT_TAKEN.test(String(error))) throw error;
		}
	}
}

/**
 * Below those that the system gives to outgoing connections: one of those may be taken when the server is to have it again,
 * and who connects to it meanwhile can even meet himself there.
 */
function anyPort() {
	return 10_000 + Math.floor(Math.random() * 20_000);
}

/** A server, started by {@link startRedis}. */
export class RedisServer {
	/** Where its data are. */
	folder = mkdtempSync(join(tmpdir(), 'redis-'));
	/** What it has printed since it was started first. */
	output = '';
	/** The server while there is one. @type {import('node:child_process').ChildProcess | undefined} */
	#process;
	/** Settles when the server that was started last has ended. @type {Promise<unknown>} */
	#ended = Promise.resolve();
	#watch = spawn('sh', ['-c', WATCH, 'sh', this.folder], { stdio: ['pipe', 'ignore', 'ignore'] });
	/** Settles when there is nothing left of it. */
	#gone = once(this.#watch, 'close');
	#args;

	/**
	 * @param {number} port
	 * @param {RedisOptions} options
	 */
	constructor(port, { appendOnly = false, appendfsync = 'everysec', args = [] }) {
		this.port = port;
		this.url = `redis://127.0.0.1:${port}`;
		this.#args = [
			...['--port', String(port), '--bind', '127.0.0.1', '--dir', this.folder, '--save', ''],
			...['--appendonly', appendOnly ? 'yes' : 'no', '--appendfsync', appendfsync],
			...args,
		];
	}

	/** Starts it where it does not run, on the same port and with what its folder has; resolves when it takes connections. */
	async start() {
		const server = spawn(BINARY, this.#args, { stdio: ['ignore', 'pipe', 'pipe'] });
		this.#process = server;
		this.#watch.stdin.write(`${server.pid}\n`);
		this.#ended = once(server, 'close').then(() => {
			this.#process = undefined;
			this.#watch.stdin.write('\n');
		});
		let printed = '';
		await new Promise((resolve, reject) => {
			const read = (/** @type {string} */ text) => {
				this.output += text;
				printed += text;
				// Its data are loaded by then.
				if (printed.includes('Ready to accept connections')) resolve(undefined);
			};
			for (const stream of [server.stdout, server.stderr]) stream.setEncoding('utf8').on('data', read);
			this.#ended.then(() => reject(new Error(`${BINARY} ended before it was ready:\n${printed}`)), reject);
		});
	}

	/** Ends it at once (SIGKILL), as the machine's end would; resolves when it has ended. */
	async kill() {
		this.#signal('SIGKILL');
		await this.#ended;
	}

	/** Tells it to end (SIGTERM); resolves when it has. */
	async stop() {
		this.#signal('SIGTERM');
		this.resume();
		await this.#ended;
	}

	/** Stops it where it runs, and starts it again. */
	async restart() {
		await this.stop();
		await this.start();
	}

	/** Makes it answer nothing (SIGSTOP), with its connections left open, until {@link resume}. */
	pause() {
		this.#signal('SIGSTOP');
	}

	resume() {
		this.#signal('SIGCONT');
	}

	/** @param {NodeJS.Signals} signal */
	#signal(signal) {
		const server = this.#process;
		// Not by `server.kill`: Deno sends a child one signal, and none after it.
		if (server?.pid && server.exitCode === null && server.signalCode === null) process.kill(server.pid, signal);
	}

	/**
	 * Does a command over a connection of its own, as the user `default`, which is to stay without a password: for tests of
	 * passwords, add users (`ACL SETUSER`).
	 *
	 * @param {...(string | number)} args
	 * @returns {Promise<any>}
	 */
	async command(...args) {
		const options = {
			url: this.url,
			disableClientInfo: true,
			socket: { reconnectStrategy: /** @type {const} */ (false) },
		};
		const client = createClient({ ...options, RESP: 2 });
		// Rejects the command as well.
		client.on('error', () => {});
		try {
			await client.connect();
			return await client.sendCommand(args.map(String));
		} finally {
			client.destroy();
		}
	}

	/** Cuts all connections, and resolves to how many there were. */
	async cutConnections() {
		let cut = 0;
		for (const type of ['normal', 'pubsub']) cut += await this.command('CLIENT', 'KILL', 'TYPE', type);
		return cut;
	}

	/**
	 * How often each command was done since the server was started, `INFO` left out, with which it tells: `{ xadd: 2 }`.
	 *
	 * @returns {Promise<Record<string, number>>}
	 */
	async commandCounts() {
		/** @type {string} */
		const stats = await this.command('INFO', 'commandstats');
		const counts = [...stats.matchAll(/^cmdstat_(\S+?):calls=(\d+)/gm)].map(([, name, calls]) => [name, Number(calls)]);
		return Object.fromEntries(counts.filter(([name]) => name !== 'info'));
	}

	/** Ends it, in whichever state it is, and removes its folder. */
	async end() {
		await this.kill();
		this.#watch.stdin.end();
		await this.#gone;
	}
}
