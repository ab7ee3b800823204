// Writes to the keys of a prefix, as another program or another node may do.

/** @import { RedisServer } from './redis.js' */

/** The first write of a script decides whether a full Redis accepts it. PEXPIRE needs no memory. */
const ADD = `for _, inbox in ipairs(KEYS) do
  redis.call('PEXPIRE', inbox, 3600000)
  redis.call('XADD', inbox, '*', unpack(ARGV))
end`;

/**
 * Returns the names of the nodes.
 *
 * @param {RedisServer} redis
 * @param {string} prefix
 * @returns {Promise<string[]>}
 */
export function nodes(redis, prefix) {
	return redis.command('ZRANGE', `{${prefix}}:nodes`, 0, -1);
}

/**
 * Returns the keys of the inboxes of all nodes.
 *
 * @param {RedisServer} redis
 * @param {string} prefix
 */
export async function inboxes(redis, prefix) {
	return (await nodes(redis, prefix)).map((node) => `{${prefix}}:in:${node}`);
}

/**
 * Adds a message to all sessions to the inboxes of all nodes, also when Redis is full.
 *
 * @param {RedisServer} redis
 * @param {string} prefix
 * @param {string} node the node in whose name it is written
 * @param {string | number} number its number among the entries of this node
 * @param {string} text
 */
export async function addBroadcast(redis, prefix, node, number, text) {
	const keys = await inboxes(redis, prefix);
	const frame = frameOf('b', number, [text]);
	await redis.command('EVAL', ADD, keys.length, ...keys, 'n', node, 'c', 1, 'f', frame);
}

/**
 * Returns a message as nodes write it into an inbox: see src/backplane/frame.rs.
 *
 * @param {'m' | 'b' | 'l' | 'u'} kind
 * @param {string | number} number
 * @param {(string | number)[]} contents texts, each with its length before it, and numbers
 */
export function frameOf(kind, number, contents) {
	const parts = contents.map((part) => (typeof part === 'number' ? bytesOf(part) : textOf(part)));
	return Buffer.concat([Buffer.from(kind), bytesOf(number), ...parts]);
}

/** @param {string} text */
function textOf(text) {
	const bytes = Buffer.from(text);
	return Buffer.concat([bytesOf(bytes.length), bytes]);
}

/** @param {string | number} number */
function bytesOf(number) {
	const bytes = [];
	let rest = BigInt(number);
	for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
	return Buffer.from([...bytes, Number(rest)]);
}

/**
 * Makes every node find that entries were removed from its inbox. It finds this with its next heartbeat.
 *
 * @param {RedisServer} redis
 * @param {string} prefix
 * @param {string} sender the node that sent them
 * @param {number} count
 */
export async function loseEntries(redis, prefix, sender, count) {
	for (const node of await nodes(redis, prefix)) {
		await redis.command('HINCRBY', `{${prefix}}:lost:${node}`, sender, count);
	}
}
