// Calls the Lua scripts of `src/backplane/redis/scripts/` as a node does. A script that uses a key that it does not declare fails.

import { readFileSync } from 'node:fs';

/** @import { RedisServer } from './redis.js' */

const SOURCES = new URL('../../src/backplane/redis/', import.meta.url);
/** Makes a script fail when it uses a key that is not in `KEYS`. */
const DECLARED = `
local declared = {}
for _, key in ipairs(KEYS) do declared[key] = true end
local server = redis
local function checked(call)
  return function(command, ...)
    local keys = {...}
    if command == 'TIME' then keys = {}
    elseif command == 'XINFO' then keys = { keys[2] }
    elseif command == 'RENAME' then keys = { keys[1], keys[2] }
    elseif command ~= 'DEL' and command ~= 'EXISTS' then keys = { keys[1] } end
    for _, key in ipairs(keys) do
      if not declared[key] then error(command .. ' uses the key ' .. key .. ', which is not declared') end
    end
    return call(command, ...)
  end
end
local redis = { call = checked(server.call), pcall = checked(server.pcall) }
`;

const read = (/** @type {string} */ name) => readFileSync(new URL(name, SOURCES), 'utf8');
const table = read('scripts.rs');
const scripts = new Map(
	[...table.slice(table.indexOf('\nscripts! {')).matchAll(/^ {4}(\w+): ([\w ]*);$/gm)].map(([, name, before]) => {
		const files = [...before.split(' '), name].filter((file) => file !== '');
		return [name, DECLARED + files.map((file) => read(`scripts/${file}.lua`)).join('')];
	}),
);

/** Limits and times of the nodes, in entries, bytes and ms. */
const SETTINGS = { maxLen: 1_000, maxInboxBytes: 1_000_000, nodeTtlMs: 10_000, quietMs: 5_000 };
const KEYS_TTL_MS = 3_600_000;

/** What all nodes of a prefix share. */
export class Bus {
	/**
	 * @param {RedisServer} redis
	 * @param {string} prefix
	 * @param {Partial<typeof SETTINGS>} [settings]
	 */
	constructor(redis, prefix, settings) {
		this.redis = redis;
		this.prefix = prefix;
		this.settings = { ...SETTINGS, ...settings };
	}

	/** @param {string} name */
	key(name) {
		return `{${this.prefix}}:${name}`;
	}

	/**
	 * Calls a script.
	 *
	 * @param {string} name
	 * @param {string[]} keys
	 * @param {unknown[]} args
	 */
	call(name, keys, args) {
		return this.redis.command('EVAL', scripts.get(name), keys.length, ...keys, ...args);
	}

	/**
	 * Returns the fields of a hash.
	 *
	 * @param {string} name
	 * @returns {Promise<Record<string, string>>}
	 */
	async hash(name) {
		/** @type {string[]} */
		const fields = await this.redis.command('HGETALL', this.key(name));
		return Object.fromEntries(fields.flatMap((field, at) => (at % 2 ? [] : [[field, fields[at + 1]]])));
	}

	/** Returns the fields of `{prefix}:st`. */
	state() {
		return this.hash('st');
	}

	/** @param {string} letter */
	async join(letter) {
		const node = new ScriptNode(this, letter.repeat(20));
		await node.join();
		return node;
	}
}

/** A node. Each method calls the script with its name, and returns its reply. */
class ScriptNode {
	changes = 0;

	/**
	 * @param {Bus} bus
	 * @param {string} name
	 */
	constructor(bus, name) {
		this.bus = bus;
		this.name = name;
		this.inbox = bus.key(`in:${name}`);
	}

	/**
	 * @param {string} script
	 * @param {string[]} keys
	 * @param {unknown[]} args
	 */
	#call(script, keys, ...args) {
		const shared = ['st', 'dir', 'nodes'].map((name) => this.bus.key(name));
		const { nodeTtlMs, quietMs } = this.bus.settings;
		return this.bus.call(script, [...shared, ...keys], [this.name, nodeTtlMs, quietMs, ...args]);
	}

	/** @param {string} node */
	#keysOf(node) {
		return ['in', 'own', 'lost'].map((kind) => this.bus.key(`${kind}:${node}`));
	}

	/** Returns the inboxes of all other nodes, and the version of the list of nodes. */
	async #others() {
		const { redis } = this.bus;
		const nodes = await redis.command('ZRANGE', this.bus.key('nodes'), 0, -1);
		const others = nodes.filter((/** @type {string} */ node) => node !== this.name);
		return {
			inboxes: others.map((/** @type {string} */ node) => this.bus.key(`in:${node}`)),
			version: (await redis.command('HGET', this.bus.key('st'), 'nv')) ?? '',
		};
	}

	join() {
		return this.#call('join', this.#keysOf(this.name), KEYS_TTL_MS);
	}

	heartbeat() {
		return this.#call('heartbeat', this.#keysOf(this.name), KEYS_TTL_MS, 600_000);
	}

	leave() {
		return this.#call('leave', [], KEYS_TTL_MS);
	}

	/** @param {ScriptNode} node @param {number} [afterMs] */
	sweep(node, afterMs = 600_000) {
		return this.#call('sweep', this.#keysOf(node.name), node.name, afterMs);
	}

	/**
	 * @param {number} first
	 * @param {unknown[][]} entries
	 */
	async append(first, ...entries) {
		const { inboxes, version } = await this.#others();
		const { maxLen, maxInboxBytes } = this.bus.settings;
		return this.#call('append', inboxes, version, first, 0, maxLen, maxInboxBytes, ...entries.flat());
	}

	/** @param {ScriptNode} node @param {number} size */
	evict(node, size) {
		const { maxLen, maxInboxBytes } = this.bus.settings;
		const [inbox, , lost] = this.#keysOf(node.name);
		return this.#call('evict', [inbox, lost], node.name, maxLen, maxInboxBytes, size, KEYS_TTL_MS);
	}

	/** @param {ScriptNode} node @param {number} size */
	hasRoom(node, size) {
		const { maxLen, maxInboxBytes } = this.bus.settings;
		return this.#call('has_room', [node.inbox], node.name, maxLen, maxInboxBytes, size);
	}

	/** Claims and releases sessions. @param {{ claim?: string[], release?: string[], number?: number }} changes */
	async change({ claim = [], release = [], number = ++this.changes }) {
		const { inboxes, version } = await this.#others();
		const args = [...release.map((id) => ['r', id]), ...claim.map((id) => ['c', id])];
		const own = this.bus.key(`own:${this.name}`);
		return this.#call('change', [own, ...inboxes], version, number, KEYS_TTL_MS, ...args.flat());
	}

	/** @param {[string, number][]} sessions */
	async restore(...sessions) {
		const { inboxes, version } = await this.#others();
		const own = this.bus.key(`own:${this.name}`);
		return this.#call('restore', [own, ...inboxes], version, KEYS_TTL_MS, ...sessions.flat());
	}

	/** @param {string} id */
	has(id) {
		return this.#call('has', [], id);
	}

	/** Returns the entries of the inbox: the fields of each, without the sender. */
	async entries() {
		/** @type {[string, string[]][]} */
		const entries = await this.bus.redis.command('XRANGE', this.inbox, '-', '+');
		return entries.map(([, fields]) => fields.slice(2).join(' '));
	}

	/** Acknowledges the first entries of the inbox. @param {number} count */
	async acknowledge(count) {
		const entries = await this.bus.redis.command('XRANGE', this.inbox, '-', '+', 'COUNT', count);
		const [number] = entries.at(-1)[0].split('-');
		const size = entries.flatMap((/** @type {any} */ entry) => entry[1]).join('').length;
		return this.bus.call('acknowledge', [this.bus.key('st'), this.inbox], [this.name, `${number}-1`, size]);
	}

	/** Makes the node count as dead for the time given, as if no node had been away. @param {number} ms */
	async die(ms) {
		const { redis } = this.bus;
		const [seconds] = await redis.command('TIME');
		await redis.command('ZADD', this.bus.key('nodes'), Number(seconds) * 1_000 - ms, this.name);
		await redis.command('HSET', this.bus.key('st'), 'since', 0);
	}
}
