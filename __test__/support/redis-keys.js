// Writes to the keys of a prefix, as another program or another node may do.

/** @import { RedisServer } from './redis.js' */

/** The first write of a script decides whether a full Redis accepts it. PEXPIRE needs no memory. */
const ADD = `local frame = string.gsub(ARGV[2], '..', function(byte) return string.char(tonumber(byte, 16)) end)
for _, inbox in ipairs(KEYS) do
  redis.call('PEXPIRE', inbox, 3600000)
  redis.call('XADD', inbox, '*', 'n', ARGV[1], 'c', 1, 'f', frame)
end`;

/** Seven bits in each byte, lowest first; all bytes but the last have the highest bit set. @param {number | string} number */
function numberBytes(number) {
	let rest = BigInt(number);
	const bytes = [];
	for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
	return Buffer.from([...bytes, Number(rest)]);
}

/**
 * Returns a message as nodes write it: its kind, its number, and the rest. `src/backplane/frame.rs` describes it.
 *
 * @param {string} kind
 * @param {number | string} number
 * @param {(number | string)[]} rest numbers, and ids, URIs and texts
 */
export function frame(kind, number, ...rest) {
	const parts = rest.flatMap((part) => {
		if (typeof part === 'number') return [numberBytes(part)];
		const bytes = Buffer.from(part);
		return [numberBytes(bytes.length), bytes];
	});
	return Buffer.concat([Buffer.from(kind), numberBytes(number), ...parts]);
}

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
	await redis.command('EVAL', ADD, keys.length, ...keys, node, frame('b', number, text).toString('hex'));
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
