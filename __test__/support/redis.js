// A Redis server for tests, on a free port and with a folder of its own, that can be killed, stopped, paused and started again.
// The binary is `redis-server`, or the one that REDIS_SERVER names, such as the one of Valkey.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { runCommand } from './redis-command.js';

const BINARY = process.env.REDIS_SERVER || 'redis-server';
const IS_INSTALLED = spawnSync(BINARY, ['--version']).status === 0;
const MISSING = `there is no ${BINARY}: apt-get install redis-server, or name the binary of a Redis or Valkey, REDIS_SERVER=/path/to/it`;

/** The data are loaded before the first line is printed. The second line is that of a Sentinel. */
const READY = /Ready to accept connections|Sentinel ID is/;

/** Only the server itself can tell whether its port is free. */
const PORT_TAKEN = /Address already in use/;

/**
 * Kills the server and removes its folder when its standard input ends. That also happens when the process that started the server
 * ends, in any way. It reads the process id of the server, or an empty line when no server runs.
 */
const WATCH = `trap '' HUP INT TERM
while read -r line; do server=$line; done
[ -z "$server" ] || kill -KILL "$server"
rm -rf "$1"`;

/**
 * Defines tests that need a server. Without a binary they are skipped, with a message that says how to install one. With CI=true
 * they are not skipped, and {@link startRedis} fails.
 *
 * @param {string} name
 * @param {() => void} tests
 */
export function describeWithRedis(name, tests) {
	if (IS_INSTALLED || process.env.CI === 'true') describe(name, tests);
	else test(name, { skip: MISSING }, () => {});
}

/**
 * Defines tests that need a server with TLS. A server that `REDIS_SERVER` names may lack it, as those of PyPI packages do. The tests
 * are skipped then, with a message.
 *
 * @param {string} name
 * @param {() => void} tests
 */
export function describeWithRedisTls(name, tests) {
	// The server does not start, and says what it lacks: TLS, or only a certificate.
	const { stdout, stderr } = spawnSync(BINARY, ['--port', '0', '--tls-port', '1'], { encoding: 'utf8' });
	const hasTls = !/Failed finding TLS support|Bad directive/.test(stdout + stderr);
	if (hasTls || !process.env.REDIS_SERVER) describeWithRedis(name, tests);
	else test(name, { skip: `${BINARY} was built without TLS` }, () => {});
}

/**
 * @typedef {object} RedisOptions
 * @property {boolean} [appendOnly] true when the data survive a restart
 * @property {'always' | 'everysec' | 'no'} [appendfsync] when writes are synced to the disk: `always` is before the reply
 * @property {string[] | ((port: number) => string[])} [args]
 *   further arguments of the server, such as `['--maxmemory', '10mb']`, or a function that returns them for its port
 * @property {string[]} [sentinel] the configuration of a Sentinel, by lines. The server is then a Sentinel
 * @property {() => number} [anyPort] returns a random port for the server
 */

/**
 * Starts a server, and resolves when it accepts connections. The caller ends it: `test.after(() => redis.end())`.
 *
 * @param {RedisOptions} [options]
 */
export async function startRedis(options = {}) {
	if (!IS_INSTALLED) throw new Error(MISSING);
	for (;;) {
		const redis = new RedisServer((options.anyPort ?? anyPort)(), options);
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
 * Returns a random port below the range that the system uses for outgoing connections. A port of that range may be taken when the
 * server is restarted, and a client that connects to it in the meantime may even connect to itself.
 */
export function anyPort() {
	return 10_000 + Math.floor(Math.random() * 20_000);
}

/** A server, started by {@link startRedis}. */
export class RedisServer {
	/** The folder of its data. */
	folder = mkdtempSync(join(tmpdir(), 'redis-'));
	/** The output of all its runs. */
	output = '';
	/** The server process, while it runs. @type {import('node:child_process').ChildProcess | undefined} */
	#process;
	/** Resolves when the last server process has ended. @type {Promise<unknown>} */
	#ended = Promise.resolve();
	#watch = spawn('sh', ['-c', WATCH, 'sh', this.folder], { stdio: ['pipe', 'ignore', 'ignore'] });
	/** Resolves when the server has ended and its folder is removed. */
	#removed = once(this.#watch, 'close');
	#args;

	/**
	 * @param {number} port
	 * @param {RedisOptions} options
	 */
	constructor(port, { appendOnly = false, appendfsync = 'everysec', args = [], sentinel }) {
		this.port = port;
		this.url = `redis://127.0.0.1:${port}`;
		if (sentinel) {
			// A Sentinel writes its state into the file of its configuration.
			const file = join(this.folder, 'sentinel.conf');
			writeFileSync(file, [`port ${port}`, 'bind 127.0.0.1', `dir ${this.folder}`, ...sentinel, ''].join('\n'));
			this.#args = [file, '--sentinel'];
			return;
		}
		this.#args = [
			...['--port', String(port), '--bind', '127.0.0.1', '--dir', this.folder, '--save', ''],
			...['--appendonly', appendOnly ? 'yes' : 'no', '--appendfsync', appendfsync],
			...(typeof args === 'function' ? args(port) : args),
		];
	}

	/** True while the server process exists, paused or not. */
	get isRunning() {
		return this.#process !== undefined;
	}

	/** Starts the server on the same port and with the data of its folder. Resolves when it accepts connections. */
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
				if (READY.test(printed)) resolve(undefined);
			};
			for (const stream of [server.stdout, server.stderr]) stream.setEncoding('utf8').on('data', read);
			this.#ended.then(() => reject(new Error(`${BINARY} ended before it was ready:\n${printed}`)), reject);
		});
	}

	/** Kills the server (SIGKILL). Resolves when it has ended. */
	async kill() {
		this.#signal('SIGKILL');
		await this.#ended;
	}

	/** Sends SIGTERM. Resolves when the server has ended. */
	async stop() {
		this.#signal('SIGTERM');
		this.resume();
		await this.#ended;
	}

	/** Stops the server when it runs, and starts it again. */
	async restart() {
		await this.stop();
		await this.start();
	}

	/** Pauses the server (SIGSTOP) until {@link resume}. Its connections stay open. */
	pause() {
		this.#signal('SIGSTOP');
	}

	resume() {
		this.#signal('SIGCONT');
	}

	/** @param {NodeJS.Signals} signal */
	#signal(signal) {
		const server = this.#process;
		// `server.kill` works only once in Deno.
		if (server?.pid && server.exitCode === null && server.signalCode === null) process.kill(server.pid, signal);
	}

	/**
	 * Runs a command over a new connection, as the user `default`, who must not get a password. Tests of passwords add users with
	 * `ACL SETUSER`.
	 *
	 * @param {...(string | number | Uint8Array)} args
	 * @returns {Promise<any>}
	 */
	command(...args) {
		return runCommand(
			this.port,
			args.map((arg) => (typeof arg === 'number' ? String(arg) : arg)),
		);
	}

	/** Closes all connections, and resolves to their number. */
	async cutConnections() {
		let cut = 0;
		for (const type of ['normal', 'pubsub']) cut += await this.command('CLIENT', 'KILL', 'TYPE', type);
		return cut;
	}

	/**
	 * Returns how often each command was run since the server started: `{ xadd: 2 }`. `INFO`, which reads the counts, and
	 * `CONFIG GET`, which Valkey 9 runs when it starts, are not counted.
	 *
	 * @returns {Promise<Record<string, number>>}
	 */
	async commandCounts() {
		/** @type {string} */
		const stats = await this.command('INFO', 'commandstats');
		const counts = [...stats.matchAll(/^cmdstat_(\S+?):calls=(\d+)/gm)].map(([, name, calls]) => [name, Number(calls)]);
		return Object.fromEntries(counts.filter(([name]) => name !== 'info' && name !== 'config|get'));
	}

	/** Ends the server in any state, and removes its folder. */
	async end() {
		await this.kill();
		this.#watch.stdin.end();
		await this.#removed;
	}
}
