// Two nodes on one Redis, in child processes: what one node sends reaches the other, once and in order. Foreign writes to Redis,
// and removed keys, do no harm.

import assert from 'node:assert/strict';
import { after, before, describe, test as testOf } from 'node:test';

import fc from 'fast-check';

import { describeWithRedis, startRedis } from '../support/redis.js';
import { frame, inboxes, nodes as nodesOf } from '../support/redis-keys.js';
import { startLine } from '../support/redis-node/machines.js';
import { Node, newPrefix } from '../support/redis-node/node.js';
import { until } from '../support/until.js';

/** @import { TestContext } from 'node:test' */
/** @import { RedisServer } from '../support/redis.js' */
/** @import { NodeManagersProxy } from '../support/redis-node/node.js' */

/** @param {string} name @param {(t: TestContext) => unknown} what */
const test = (name, what) => testOf(name, { timeout: 60_000 }, async (t) => void (await what(t)));

const TOOLS = { jsonrpc: '2.0', method: 'notifications/tools/list_changed' };
const PROMPTS = { jsonrpc: '2.0', method: 'notifications/prompts/list_changed' };
const CLIENT = { name: 'client', version: '1' };

/** Ids that are easily confused with each other, or with special values. */
const ODD_IDS = {
	empty: ['', ' ', '\t', '\n', '\r\n'],
	'lone surrogates': [
		'\ud83d',
		'\ude00',
		'\ude00\ud83d',
		'\u{1f600}',
		'\ufffd',
		'\ufffd\ufffd\ufffd',
		'a\ud83d',
		'a\ude00',
	],
	'control characters': ['\0', '\0\0', 'a\0', 'a\0b', '\x01', '\x7f', '\x1b[31m'],
	'names of properties': ['__proto__', 'constructor', 'hasOwnProperty', 'toString'],
	'special characters of Redis, JSON or shells': [
		'*',
		'?',
		'[a]',
		'{a}',
		'a:b',
		'a b',
		'a,b',
		'"',
		"'",
		'\\',
		'$',
		'%00',
		'--',
		'>',
	],
	numbers: ['0', '-0', '1', '01', '1.0', '1e3', 'NaN', '-1', '0-0'],
	'similar characters': ['é', 'e\u0301', 'ﬁ', 'fi', 'ß', 'SS', 'ı', 'i', 'I'],
	long: ['x'.repeat(100_000), `${'x'.repeat(99_999)}y`, 'ü'.repeat(50_000), '\ud83d'.repeat(50_000)],
};

/**
 * Adds entries to inboxes. They are JSON: lists of alternating names and values, in which `\\255` is a byte that is
 * not valid UTF-8.
 */
const ADD = String.raw`
	for _, fields in ipairs(cjson.decode(ARGV[1])) do
		for index, field in ipairs(fields) do
			fields[index] = string.gsub(field, '\\(%d+)', function(byte) return string.char(tonumber(byte)) end)
		end
		for _, inbox in ipairs(KEYS) do redis.call('XADD', inbox, '*', unpack(fields)) end
	end
`;

/** @type {RedisServer} */
let redis;
/** @type {[Node, Node]} */
let nodes;

/**
 * Opens managers with one new prefix in both nodes, and waits until they are ready.
 *
 * @param {TestContext} t
 * @param {any} [options]
 * @returns {Promise<{ a: NodeManagersProxy, b: NodeManagersProxy, prefix: string }>}
 */
async function inOnePrefix(t, options) {
	const prefix = newPrefix();
	const [a, b] = await Promise.all(nodes.map((node) => join(t, node, { prefix, ...options })));
	return { a, b, prefix };
}

/**
 * Opens managers in a thread of a node, and waits until they are ready.
 *
 * @param {TestContext} t
 * @param {{ open: (url: string, options?: any) => Promise<NodeManagersProxy> }} where
 * @param {any} options
 * @param {string} [url]
 */
async function join(t, where, options, url = redis.url) {
	const member = await where.open(url, options);
	t.after(async () => {
		// A node that a failed test has left paused would not close its managers.
		for (const node of nodes) node.resume();
		await member.do('leave').then(member.forget, () => {});
	});
	await member.do('streams', 'ready');
	return member;
}

/**
 * Creates sessions, and resolves when every node knows of them.
 *
 * @param {NodeManagersProxy} there
 * @param {string[]} ids
 */
async function create(there, ...ids) {
	for (const id of ids) await there.do('create', id);
	await there.do('streams', 'flush');
}

/**
 * Resolves when everything that was sent from there before has arrived at the other node.
 *
 * @param {NodeManagersProxy} from
 * @param {NodeManagersProxy} to with a session named `marks`
 */
async function mark(from, to) {
	const count = (await to.do('received', 'marks', 0)).length;
	await from.do('streams', 'send', ['marks'], `mark ${count}`);
	await to.do('received', 'marks', count + 1);
}

describeWithRedis('two nodes', () => {
	before(async () => {
		redis = await startRedis();
		nodes = [new Node(), new Node()];
	});
	after(async () => {
		await Promise.all((nodes ?? []).map((node) => node.kill()));
		await redis?.end();
	});

	describe('a message', () => {
		test('to sessions of both nodes reaches each of them once, and no other', async (t) => {
			const { a, b } = await inOnePrefix(t);
			await create(a, 'a1', 'a2', 'marks');
			await create(b, 'b1', 'b2', 'b3');
			await b.do('streams', 'send', ['a1', 'b1', 'unknown', 'a1', 'b2', 'b1'], 'text');
			assert.deepEqual(await a.do('received', 'a1', 1), ['text']);
			assert.deepEqual(await b.do('received', 'b1', 1), ['text']);
			assert.deepEqual(await b.do('received', 'b2', 1), ['text']);
			await mark(b, a);
			assert.deepEqual(await a.do('seen', 'a1'), [{ messages: ['text'], closed: 0 }]);
			assert.deepEqual(await a.do('seen', 'a2'), [{ messages: [], closed: 0 }]);
			assert.deepEqual(await b.do('seen', 'b3'), [{ messages: [], closed: 0 }]);
		});

		for (const [to, words] of /** @type {const} */ ([
			[undefined, 'undefined'],
			[null, 'null'],
		])) {
			test(`to all (${words}) reaches every session of both nodes, with one entry in Redis`, async (t) => {
				const { a, b } = await inOnePrefix(t);
				const ids = Array.from({ length: 100 }, (_, n) => `${n}`);
				await create(a, ...ids.map((id) => `a${id}`));
				await create(b, ...ids.map((id) => `b${id}`));
				const { xadd } = await redis.commandCounts();
				await a.do('streams', 'send', to, 'text');
				for (const id of ids) {
					assert.deepEqual(await b.do('received', `b${id}`, 1), ['text']);
					assert.deepEqual(await a.do('received', `a${id}`, 1), ['text']);
				}
				assert.equal((await redis.commandCounts()).xadd - xadd, 1);
			});
		}

		test('to no session, or only to sessions of the sending node, is not published', async (t) => {
			const { a, b } = await inOnePrefix(t);
			await create(a, 'a1', 'a2');
			await create(b, 'marks');
			const { xadd } = await redis.commandCounts();
			await a.do('streams', 'send', [], 'to no session');
			await a.do('streams', 'send', ['a1', 'a2'], 'to these');
			await mark(a, b);
			assert.equal((await redis.commandCounts()).xadd - xadd, 1);
			assert.deepEqual(await a.do('seen', 'a2'), [{ messages: ['to these'], closed: 0 }]);
		});

		test('keeps the order of its sender: 2,000 unicasts and broadcasts of each node at once', async (t) => {
			const { a, b } = await inOnePrefix(t);
			await create(a, 'a');
			await create(b, 'b');
			const sending = [a, b].map((member, n) =>
				member.run(async ({ manager }, n) => {
					const to = [undefined, ['a'], ['b'], ['b', 'a']];
					for (let i = 0; i < 2_000; i++) manager.send(to[i % 4], `${n} ${i}`);
					await manager.flush();
				}, n),
			);
			await Promise.all(sending);
			for (const [member, id, to] of /** @type {const} */ ([
				[a, 'a', [0, 1, 3]],
				[b, 'b', [0, 2, 3]],
			])) {
				const numbers = Array.from({ length: 2_000 }, (_, i) => i).filter((i) => to.some((kind) => kind === i % 4));
				const got = await member.do('received', id, 2 * numbers.length);
				for (const sender of [0, 1]) {
					const messages = got.filter((/** @type {string} */ message) => message.startsWith(`${sender} `));
					assert.deepEqual(
						messages,
						numbers.map((i) => `${sender} ${i}`),
					);
				}
			}
		});

		test('may be empty, 1 MiB long, or any text', async (t) => {
			const { a, b } = await inOnePrefix(t);
			await create(b, 'b');
			const texts = [
				'',
				'x'.repeat(2 ** 20),
				'',
				'☃'.repeat(2 ** 20),
				'\ufeffwith a mark',
				'\0',
				'a\0b\r\n\r\n$1\r\n*2\r\n',
				'\u{1f600}',
			];
			for (const text of texts) await a.do('streams', 'send', ['b'], text);
			assert.deepEqual(await b.do('received', 'b', texts.length), texts);
		});

		test('has U+FFFD in place of a lone surrogate', async (t) => {
			const { a, b } = await inOnePrefix(t);
			await create(b, 'b');
			for (const text of ['\ud83d', 'a\ude00b', '\ude00\ud83d']) await a.do('streams', 'send', undefined, text);
			assert.deepEqual(await b.do('received', 'b', 3), ['\ufffd', 'a\ufffdb', '\ufffd\ufffd']);
		});

		test('arrives unchanged, for any text and any recipients', async (t) => {
			const { a, b } = await inOnePrefix(t);
			let sent = 0;
			const string = fc.string({ unit: 'binary', maxLength: 30 });
			await fc.assert(
				fc.asyncProperty(fc.uniqueArray(string, { minLength: 1, maxLength: 4 }), string, async (ids, text) => {
					await create(b, ...ids);
					const message = `${++sent} ${text}`;
					await a.do('streams', 'send', ids, message);
					for (const id of ids) {
						assert.deepEqual(await b.do('received', id, 1), [/** @type {any} */ (message).toWellFormed()]);
						assert.equal(await a.do('streams', 'has', id), true);
						await b.do('streams', 'delete', id);
					}
				}),
				{ numRuns: 50 },
			);
		});

		test('reaches a session of any thread of the other node, from any thread of the sending node', async (t) => {
			const { a, b, prefix } = await inOnePrefix(t);
			const threads = await Promise.all(nodes.flatMap((node) => [node.thread(), node.thread()]));
			const members = await Promise.all(threads.map((thread) => join(t, thread, { prefix })));
			const all = [a, ...members.slice(0, 2), b, ...members.slice(2)];
			for (const [n, member] of all.entries()) await create(member, `${n}`);
			for (const [n, member] of all.entries()) {
				await member.do('streams', 'send', undefined, `${n} to all`);
				await member.do('streams', 'send', all.map((_, n) => `${n}`).reverse(), `${n} to each`);
			}
			for (const [n, member] of all.entries()) {
				const got = await member.do('received', `${n}`, 12);
				for (const sender of all.keys()) {
					const messages = got.filter((/** @type {string} */ message) => message.startsWith(`${sender} `));
					assert.deepEqual(messages, [`${sender} to all`, `${sender} to each`]);
				}
			}
			for (const member of all) {
				for (const n of all.keys()) assert.equal(await member.do('streams', 'has', `${n}`), true);
			}
			await Promise.all(threads.map((thread) => thread.end('terminate')));
		});

		test('does not arrive again when the last manager of the other node is closed and opened again', async (t) => {
			const { a, b, prefix } = await inOnePrefix(t);
			await create(b, 'b');
			await a.do('streams', 'send', undefined, 'old');
			await b.do('received', 'b', 1);
			await b.do('leave');
			const again = await join(t, nodes[1], { prefix });
			await create(again, 'b');
			await a.do('streams', 'send', undefined, 'new');
			assert.deepEqual(await again.do('received', 'b', 1), ['new']);
		});
	});

	describe('an id', () => {
		for (const [kind, ids] of Object.entries(ODD_IDS)) {
			test(`may be any string: ${kind}`, async (t) => {
				const { a, b } = await inOnePrefix(t);
				await create(b, 'marks');
				for (const id of ids) {
					assert.equal(await a.do('streams', 'has', id), false);
					await create(b, id);
					assert.equal(await a.do('streams', 'has', id), true);
				}
				for (const [n, id] of ids.entries()) await a.do('streams', 'send', [id], `only to ${n}`);
				await a.do('streams', 'send', ids, 'to each');
				for (const [n, id] of ids.entries()) {
					assert.deepEqual(await b.do('received', id, 2), [`only to ${n}`, 'to each']);
				}
				for (const id of ids) {
					await a.do('streams', 'delete', id);
					await b.do('closed', id);
				}
				await mark(a, b);
				for (const [n, id] of ids.entries()) {
					assert.deepEqual(await b.do('seen', id), [{ messages: [`only to ${n}`, 'to each'], closed: 1 }]);
					assert.equal(await a.do('streams', 'has', id), false);
				}
			});
		}
	});

	describe('`has`', () => {
		test('is true for a session of the other node from its flush to its end, and at once for a session of its own node', async (t) => {
			const { a, b } = await inOnePrefix(t);
			assert.equal(await b.do('streams', 'has', 'a'), false);
			await a.run(async (member) => {
				member.create('a');
				if (!(await member.manager.has('a'))) throw new Error('its own session is not there at once');
				await member.manager.flush();
			});
			assert.equal(await b.do('streams', 'has', 'a'), true);
			await a.run(async ({ manager }) => {
				manager.delete('a');
				if (await manager.has('a')) throw new Error('its own session is still there');
				await manager.flush();
			});
			assert.equal(await b.do('streams', 'has', 'a'), false);
		});

		test('is one command, for any number of nodes and sessions', async (t) => {
			const { a, b } = await inOnePrefix(t);
			await create(b, ...Array.from({ length: 300 }, (_, n) => `b${n}`));
			const count = async () => {
				const { eval: evals = 0, evalsha = 0, evalsha_ro = 0, eval_ro = 0 } = await redis.commandCounts();
				return evals + evalsha + evalsha_ro + eval_ro;
			};
			await a.do('streams', 'has', 'warm');
			const before = await count();
			for (let n = 0; n < 20; n++) await a.do('streams', 'has', `b${n}`);
			// A heartbeat may be among them.
			const done = (await count()) - before;
			assert.ok(done >= 20 && done <= 25, `${done} scripts for 20 calls`);
		});

		test('is false for a value that is not a string', async (t) => {
			const { a } = await inOnePrefix(t);
			for (const id of [undefined, null, 1, {}, []]) assert.equal(await a.do('streams', 'has', id), false);
		});

		test('is false for the sessions of a worker that has ended, and for no others', async (t) => {
			const { a, b, prefix } = await inOnePrefix(t);
			await create(a, 'of the main thread');
			for (const how of /** @type {const} */ (['terminate', 'exit', 'throw'])) {
				const thread = await nodes[0].thread();
				const there = await thread.open(redis.url, { prefix });
				await create(there, 'one', 'two');
				assert.equal(await b.do('streams', 'has', 'one'), true);
				await thread.end(how);
				await a.do('streams', 'flush');
				await until(async () => !(await b.do('streams', 'has', 'one')));
				await until(async () => !(await b.do('streams', 'has', 'two')));
				assert.equal(await b.do('streams', 'has', 'of the main thread'), true);
			}
		});

		test('is false for a session whose stream failed during a delivery', async (t) => {
			const { a, b } = await inOnePrefix(t);
			await a.run(async ({ manager }) => {
				const enqueue = () => {
					throw new Error('the stream is gone');
				};
				await manager.create('gone', { enqueue, close() {} });
				await manager.flush();
			});
			assert.equal(await b.do('streams', 'has', 'gone'), true);
			await b.do('streams', 'send', ['gone'], 'finds out');
			await until(async () => !(await b.do('streams', 'has', 'gone')));
		});
	});

	describe('`delete`', () => {
		test('closes the stream on the other node after the messages sent before', async (t) => {
			const { a, b } = await inOnePrefix(t);
			await create(b, 'b', 'stays', 'marks');
			await a.run(async ({ manager }) => {
				for (let n = 0; n < 100; n++) manager.send(n % 2 ? ['b'] : undefined, `${n}`);
				manager.delete('b');
				manager.send(['b'], 'to no session');
				manager.send(undefined, 'to those who stay');
				await manager.flush();
			});
			const numbers = Array.from({ length: 100 }, (_, n) => `${n}`);
			assert.deepEqual(await b.do('closed', 'b'), numbers);
			await mark(a, b);
			assert.deepEqual(await b.do('seen', 'b'), [{ messages: numbers, closed: 1 }]);
			assert.equal((await b.do('received', 'stays', 51)).at(-1), 'to those who stay');
			assert.equal(await b.do('streams', 'has', 'b'), false);
			assert.equal(await a.do('streams', 'has', 'b'), false);
			assert.equal(await b.do('streams', 'size'), 2);
		});

		test('of an unknown id is not an error', async (t) => {
			const { a, b } = await inOnePrefix(t);
			await create(b, 'marks');
			await a.do('streams', 'delete', 'unknown');
			await mark(a, b);
		});

		test('allows a new session of that id, on any node', async (t) => {
			const { a, b } = await inOnePrefix(t);
			for (let n = 0; n < 5; n++) {
				const [one, two] = n % 2 ? [a, b] : [b, a];
				await create(one, 'x');
				await two.do('streams', 'send', ['x'], `${n}`);
				assert.deepEqual(await one.do('received', 'x', 1), [`${n}`]);
				await two.do('streams', 'delete', 'x');
				assert.deepEqual(await one.do('closed', 'x'), [`${n}`]);
			}
		});
	});

	describe('`create` of an id that the other node has', () => {
		test('closes the older session after the messages sent before, and gets the messages sent from then on', async (t) => {
			const { a, b } = await inOnePrefix(t);
			await create(a, 'x', 'marks');
			await b.do('streams', 'send', ['x'], 'to the older');
			await create(b, 'x');
			assert.deepEqual(await a.do('closed', 'x'), ['to the older']);
			await a.do('streams', 'send', ['x'], 'from a');
			await b.do('streams', 'send', ['x'], 'from b');
			const got = await b.do('received', 'x', 2);
			assert.deepEqual([...got].sort(), ['from a', 'from b']);
			await mark(b, a);
			assert.deepEqual(await a.do('seen', 'x'), [{ messages: ['to the older'], closed: 1 }]);
			for (const member of [a, b]) assert.equal(await member.do('streams', 'has', 'x'), true);
			assert.equal(await a.do('streams', 'size'), 1);
		});

		test('works each time, in turns on both nodes', async (t) => {
			const { a, b } = await inOnePrefix(t);
			await create(a, 'x');
			for (let n = 0; n < 20; n++) {
				const [newer, older] = n % 2 ? [a, b] : [b, a];
				await create(newer, 'x');
				await older.do('closed', 'x');
				await older.do('streams', 'send', ['x'], `${n}`);
				assert.deepEqual(await newer.do('received', 'x', 1), [`${n}`]);
			}
			for (const member of [a, b]) assert.equal(await member.do('streams', 'has', 'x'), true);
			await a.do('streams', 'delete', 'x');
			await a.do('streams', 'flush');
			for (const member of [a, b]) assert.equal(await member.do('streams', 'has', 'x'), false);
			assert.deepEqual(
				(await a.do('seen', 'x')).map((/** @type {any} */ seen) => seen.closed),
				Array(11).fill(1),
			);
		});

		test('at the same moment leaves one of the two sessions', async (t) => {
			const { a, b } = await inOnePrefix(t);
			await create(a, 'marks of a');
			await create(b, 'marks of b');
			const ids = Array.from({ length: 300 }, (_, n) => `${n}`);
			await Promise.all(
				[a, b].map((member, n) =>
					member.run(
						async (member, ids) => {
							for (const id of ids) {
								member.create(id);
								if (id.endsWith('9')) await member.tools.turn();
							}
							await member.manager.flush();
						},
						// Each node starts at another end, so that they meet.
						n ? [...ids].reverse() : ids,
					),
				),
			);
			// When these have arrived, each node knows of every session of the other.
			await a.do('streams', 'send', ['marks of b'], 'mark');
			await b.do('streams', 'send', ['marks of a'], 'mark');
			await b.do('received', 'marks of b', 1);
			await a.do('received', 'marks of a', 1);
			for (const member of [a, b]) await member.do('streams', 'flush');
			for (const id of ids) {
				const open = [(await a.do('seen', id))[0], (await b.do('seen', id))[0]].map((seen) => 1 - seen.closed);
				assert.equal(open[0] + open[1], 1, `${id} is open ${open[0]} times there and ${open[1]} here`);
				for (const member of [a, b]) assert.equal(await member.do('streams', 'has', id), true, id);
			}
		});
	});

	describe('`flush`', () => {
		test('resolves when everything that this thread has sent is in Redis', async (t) => {
			const { a, prefix } = await inOnePrefix(t);
			/** Returns the sum of the numbers of the nodes' last entries. */
			const sent = async () => {
				const fields = (await nodesOf(redis, prefix)).map((node) => `l:${node}`);
				const numbers = await redis.command('HMGET', `{${prefix}}:st`, ...fields);
				return numbers.reduce((/** @type {number} */ sum, /** @type {string} */ number) => sum + Number(number), 0);
			};
			const before = await sent();
			await a.run(async ({ manager }) => {
				for (let n = 0; n < 3_000; n++) manager.send(undefined, `${n}`);
				await manager.flush();
			});
			assert.equal((await sent()) - before, 3_000);
			assert.equal((await a.do('streams', 'stats')).backplane.pendingBytes, 0);
		});

		test('resolves when nothing was sent', async (t) => {
			const { a } = await inOnePrefix(t);
			await a.do('streams', 'flush');
			await a.do('streams', 'flush');
		});

		test('does not wait for what is sent after it, also when the rest takes longer than `commandTimeoutMs`', async (t) => {
			// A batch has at most 128 messages, so it takes an eighth of a second, and all of them take three seconds.
			const { url } = await startLine(t, redis.port, { bytesPerSecond: 2_000_000 });
			const node = new Node();
			t.after(() => node.kill());
			const member = await node.open(url, { prefix: newPrefix(), commandTimeoutMs: 2_000 });
			await member.do('streams', 'ready');
			const { sent, before } = await member.run(async ({ manager }) => {
				const text = 'x'.repeat(2_000);
				let count = 0;
				const send = () => {
					while (manager.stats().backplane.pendingBytes < 6_000_000) {
						manager.send(['unknown'], text);
						count++;
					}
				};
				send();
				const before = count;
				const timer = setInterval(send, 10);
				await manager.flush();
				clearInterval(timer);
				return { sent: manager.stats().backplane.sent, before };
			});
			assert.ok(sent >= before, `${sent} of ${before}`);
		});
	});

	describe('`ready`', () => {
		test('resolves when messages that others send from then on arrive, and no earlier ones', async (t) => {
			const { a, prefix } = await inOnePrefix(t);
			const late = new Node();
			t.after(() => late.kill());
			for (let n = 0; n < 20; n++) {
				await a.do('streams', 'send', undefined, `before ${n}`);
				await a.do('streams', 'flush');
				const member = await late.open(redis.url, { prefix });
				await member.do('streams', 'ready');
				await member.do('create', 'late');
				await a.do('streams', 'send', undefined, `after ${n}`);
				assert.deepEqual(await member.do('received', 'late', 1), [`after ${n}`]);
				await member.do('leave');
				await member.forget();
			}
		});

		test('may be called repeatedly', async (t) => {
			const { a } = await inOnePrefix(t);
			await a.do('streams', 'ready');
			await a.do('streams', 'ready');
		});
	});

	describe('`close`', () => {
		test('removes the sessions of the node at once, and closes its streams', async (t) => {
			const { a, b } = await inOnePrefix(t);
			await create(b, 'b1', 'b2');
			assert.equal(await a.do('streams', 'has', 'b1'), true);
			await b.do('streams', 'close');
			assert.equal(await a.do('streams', 'has', 'b1'), false);
			assert.equal(await a.do('streams', 'has', 'b2'), false);
			for (const id of ['b1', 'b2']) assert.deepEqual(await b.do('seen', id), [{ messages: [], closed: 1 }]);
			for (const [expected, method, ...args] of [
				[false, 'has', 'a'],
				[undefined, 'send', undefined, 'x'],
				[undefined, 'delete', 'b1'],
				[undefined, 'flush'],
			]) {
				assert.equal(await b.do('streams', method, ...args), expected, method);
			}
			await assert.rejects(b.do('streams', 'ready'), { code: 'ERR_MANAGER_CLOSED' });
			await assert.rejects(b.do('create', 'b3'), { code: 'ERR_MANAGER_CLOSED' });
			await b.do('streams', 'close');
		});

		test('first publishes the pending messages', async (t) => {
			const { a, b } = await inOnePrefix(t);
			await create(a, 'a');
			await b.run(async ({ manager }) => {
				for (let n = 0; n < 1_000; n++) manager.send(['a'], `${n}`);
				await manager.close();
			});
			const numbers = Array.from({ length: 1_000 }, (_, n) => `${n}`);
			assert.deepEqual(await a.do('received', 'a', 1_000), numbers);
		});

		test('publishes all pending messages, also when that takes longer than `commandTimeoutMs`', async (t) => {
			const { a, prefix } = await inOnePrefix(t);
			await create(a, 'a');
			await a.do('streams', 'flush');
			// A batch has at most 128 messages, so it takes an eighth of a second, and all of them take a second and a half.
			const { url } = await startLine(t, redis.port, { bytesPerSecond: 2_000_000 });
			const node = new Node();
			t.after(() => node.kill());
			const member = await node.open(url, { prefix, commandTimeoutMs: 1_000 });
			await member.do('streams', 'ready');
			await member.run(async ({ manager }) => {
				for (let n = 0; n < 1_500; n++) manager.send(['a'], `${n} ${'x'.repeat(2_000)}`);
			});
			await member.do('leave');
			const numbers = Array.from({ length: 1_500 }, (_, n) => `${n}`);
			const received = await a.do('received', 'a', 1_500);
			assert.deepEqual(
				received.map((/** @type {string} */ message) => message.split(' ')[0]),
				numbers,
			);
		});

		test('of all managers closes every connection, and leaves only the keys that all nodes share and those of other nodes', async (t) => {
			const { a, b, prefix } = await inOnePrefix(t);
			await create(a, 'a');
			await a.do('streams', 'flush');
			const connections = async () => (await redis.command('CLIENT', 'LIST')).trim().split('\n').length;
			const keys = async () => (await redis.command('KEYS', `{${prefix}}:*`)).sort();
			await b.do('leave');
			const before = { connections: await connections(), keys: await keys() };
			const again = await join(t, nodes[1], { prefix });
			await create(again, 'b1', 'b2');
			await again.do('subscribe', 1, { toolsListChanged: true });
			assert.ok((await connections()) > before.connections);
			await again.do('leave');
			assert.deepEqual(await keys(), before.keys);
			// Redis notices a closed connection in a later turn of its event loop.
			await until(async () => (await connections()) === before.connections);
		});

		test('of one manager closes the streams of its thread, and another manager of that thread continues', async (t) => {
			const { a, b, prefix } = await inOnePrefix(t);
			const other = await join(t, nodes[1], { prefix });
			const thread = await nodes[1].thread();
			const there = await join(t, thread, { prefix });
			await create(b, 'b');
			await create(other, 'o');
			await create(there, 't');
			await b.do('streams', 'close');
			assert.deepEqual(await other.do('seen', 'o'), [{ messages: [], closed: 1 }]);
			await until(async () => !(await a.do('streams', 'has', 'o')));
			assert.equal(await a.do('streams', 'has', 't'), true);
			await create(other, 'o');
			await a.do('streams', 'send', undefined, 'text');
			assert.deepEqual(await other.do('received', 'o', 1), ['text']);
			assert.deepEqual(await there.do('received', 't', 1), ['text']);
			await thread.end('terminate');
		});
	});

	test('every key has a time to live', async (t) => {
		const { a, b, prefix } = await inOnePrefix(t);
		await create(a, 'a');
		await create(b, 'b');
		await b.do('info', 'setClientInfo', 'b', CLIENT);
		await b.do('info', 'setLogLevel', 'b', 'error');
		await b.do('info', 'addSubscription', 'b', 'file:///a');
		await b.do('subscribe', 1, { toolsListChanged: true });
		await a.do('streams', 'send', undefined, 'text');
		await a.do('streams', 'delete', 'b');
		await create(b, 'b');
		// In one command, because a node without sessions removes its set of sessions.
		const script = `local ttls = {}
			for _, key in ipairs(redis.call('KEYS', ARGV[1])) do table.insert(ttls, { key, redis.call('PTTL', key) }) end
			return ttls`;
		const ttls = await redis.command('EVAL', script, 0, `*${prefix}*`);
		assert.ok(ttls.length > 0);
		for (const [key, ttl] of ttls) assert.ok(ttl > 0, `${key} has no time to live`);
	});

	describe('managers with another', () => {
		/** @param {string} name @param {(base: string) => { url?: string, prefix: string }[]} settings */
		const testSeparate = (name, settings) =>
			test(`${name} do not see each other’s sessions`, async (t) => {
				const members = [];
				for (const { url, prefix } of settings(newPrefix())) {
					members.push(await Promise.all(nodes.map((node) => join(t, node, { prefix }, url))));
				}
				for (const [n, [a, b]] of members.entries()) {
					await create(a, 'same', `a${n}`);
					await create(b, `b${n}`, 'marks');
					await a.do('info', 'setClientInfo', 'same', { name: `client ${n}`, version: '1' });
					await a.do('info', 'addSubscription', `a${n}`, 'file:///a');
					await b.do('subscribe', 1, { toolsListChanged: true });
				}
				for (const [n, [a, b]] of members.entries()) {
					await a.do('streams', 'send', undefined, `${n} to all`);
					await b.do('streams', 'send', ['same', 'a0', 'b0', 'a1', 'b1'], `${n} to some`);
					await a.do('subscriptions', 'send', { ...TOOLS, params: { n } });
				}
				for (const [n, [a, b]] of members.entries()) {
					await a.do('received', 'same', 2);
					await b.do('called', 1, 2);
					await mark(a, b);
					const [{ messages, closed }] = await a.do('seen', 'same');
					assert.deepEqual([[...messages].sort(), closed], [[`${n} to all`, `${n} to some`], 0]);
					assert.deepEqual(await b.do('called', 1, 0), ['acknowledge', { ...TOOLS, params: { n } }]);
					assert.deepEqual(await b.do('info', 'getClientInfo', 'same'), { name: `client ${n}`, version: '1' });
					assert.deepEqual(await b.do('info', 'getSubscriptions', 'file:///a'), [`a${n}`]);
					for (const other of members.keys()) {
						assert.equal(await b.do('streams', 'has', `a${other}`), other === n);
					}
				}
				await members[0][1].do('streams', 'delete', 'same');
				await members[0][0].do('closed', 'same');
				for (const [a, b] of members.slice(1)) {
					await mark(a, b);
					assert.equal(await b.do('streams', 'has', 'same'), true);
				}
			});

		testSeparate('prefix', (base) => [{ prefix: base }, { prefix: `${base}2` }]);
		testSeparate('prefix, which starts with the same characters', (base) => [
			{ prefix: base },
			{ prefix: `${base}:stream` },
			{ prefix: `${base}:` },
			{ prefix: '*' },
			{ prefix: `${base.slice(0, -1)}?` },
		]);
		testSeparate('database', (prefix) => [
			{ prefix, url: redis.url },
			{ prefix, url: `${redis.url}/1` },
			{ prefix, url: `${redis.url}/2` },
		]);
	});

	describe('a notification', () => {
		test('reaches the matching registrations of both nodes, and no others, in order', async (t) => {
			const { a, b } = await inOnePrefix(t);
			await a.do('subscribe', 1, { toolsListChanged: true });
			await b.do('subscribe', 1, { promptsListChanged: true });
			await b.do('subscribe', '2', { toolsListChanged: true, resourceSubscriptions: ['file:///a'] });
			await b.do('subscribe', 3, { resourceSubscriptions: ['file:///b', '\ud83d', ''] });
			const update = (/** @type {string} */ uri) => ({
				jsonrpc: '2.0',
				method: 'notifications/resources/updated',
				params: { uri },
			});
			const all = [TOOLS, PROMPTS, update('file:///a'), TOOLS, update('\ud83d'), update(''), update('\ufffd'), PROMPTS];
			for (const notification of all) await a.do('subscriptions', 'send', notification);
			assert.deepEqual(await b.do('called', 1, 3), ['acknowledge', PROMPTS, PROMPTS]);
			assert.deepEqual(await b.do('called', '2', 4), ['acknowledge', TOOLS, update('file:///a'), TOOLS]);
			assert.deepEqual(await b.do('called', 3, 3), ['acknowledge', update('\ud83d'), update('')]);
			assert.deepEqual(await a.do('called', 1, 3), ['acknowledge', TOOLS, TOOLS]);
		});

		test('wakes no thread without a matching registration, and a message wakes no thread without a matching session', async (t) => {
			const { a, b, prefix } = await inOnePrefix(t);
			await create(b, 'marks');
			const threads = await Promise.all([nodes[1].thread(), nodes[1].thread()]);
			const [one, two] = await Promise.all(threads.map((thread) => join(t, thread, { prefix })));
			await one.do('subscribe', 1, { toolsListChanged: true });
			await two.do('subscribe', 1, { promptsListChanged: true }, 'another');
			await create(two, 'of two');
			/** @param {() => Promise<unknown>} send */
			const waiting = async (send) => {
				await Promise.all(threads.map((thread) => thread.block()));
				await send();
				// The messages are in the mailboxes by then, and no thread has drained its mailbox.
				await mark(a, b);
				const stats = await Promise.all(threads.map((thread) => thread.release()));
				return stats.map(([{ mailboxBytes }]) => mailboxBytes > 0);
			};
			assert.deepEqual(await waiting(() => a.do('subscriptions', 'send', TOOLS)), [true, false]);
			// The mailbox is drained when the call was made.
			assert.deepEqual(await one.do('called', 1, 2), ['acknowledge', TOOLS]);
			assert.deepEqual(await waiting(() => a.do('subscriptions', 'send', PROMPTS)), [false, true]);
			assert.deepEqual(await two.do('called', 1, 2, 'another'), ['acknowledge', PROMPTS]);
			assert.deepEqual(await waiting(() => a.do('streams', 'send', ['of two'], 'x')), [false, true]);
			assert.deepEqual(await two.do('received', 'of two', 1), ['x']);
			await Promise.all(threads.map((thread) => thread.end('terminate')));
		});

		test('may be large, and hold anything that JSON can carry', async (t) => {
			const { a, b } = await inOnePrefix(t);
			await b.do('subscribe', 1, { toolsListChanged: true });
			const params = { big: 'ü'.repeat(2 ** 19), list: [1, -0.5, null, true, { __proto__: null, a: '\ud83d\0' }] };
			await a.do('subscriptions', 'send', { ...TOOLS, params });
			const [, got] = await b.do('called', 1, 2);
			assert.deepEqual(JSON.parse(JSON.stringify(got)), JSON.parse(JSON.stringify({ ...TOOLS, params })));
		});

		test('does not reach a closed registration, and the registration of the same name on the other node stays open', async (t) => {
			const { a, b } = await inOnePrefix(t);
			await a.do('subscribe', 'x', { toolsListChanged: true });
			await b.do('subscribe', 'y', { toolsListChanged: true });
			await b.do('subscribe', 'z', { toolsListChanged: true });
			assert.equal(await b.do('subscriptions', 'close', 'y', 'origin', 'closed'), true);
			assert.equal(await b.do('subscriptions', 'close', 'x', 'origin', 'closed'), false);
			await a.do('subscriptions', 'send', TOOLS);
			assert.deepEqual(await b.do('called', 'z', 2), ['acknowledge', TOOLS]);
			assert.deepEqual(await b.do('called', 'y', 2), ['acknowledge', 'close: closed']);
			assert.deepEqual(await a.do('called', 'x', 2), ['acknowledge', TOOLS]);
		});
	});

	describe('info', () => {
		test('that one node has set is the same on the other, until it is deleted', async (t) => {
			const { a, b } = await inOnePrefix(t);
			const values = /** @type {const} */ ([
				['ClientInfo', 'Client info', CLIENT],
				['ClientCapabilities', 'Client capabilities', { sampling: {}, roots: { listChanged: true } }],
				['LogLevel', 'Log Level', 'warning'],
			]);
			for (const [what, words, value] of values) {
				const missing = { message: `${words} not found for session s` };
				await assert.rejects(b.do('info', `get${what}`, 's'), missing);
				await a.do('info', `set${what}`, 's', value);
				assert.deepEqual(await b.do('info', `get${what}`, 's'), value);
			}
			await b.do('info', 'delete', 's');
			for (const [what, words] of values) {
				await assert.rejects(a.do('info', `get${what}`, 's'), { message: `${words} not found for session s` });
			}
		});

		test('about the watchers of a resource is the same on both nodes, in the order in which they subscribed', async (t) => {
			const { a, b } = await inOnePrefix(t);
			const get = async (/** @type {string} */ uri) => {
				const [one, two] = await Promise.all([a, b].map((member) => member.do('info', 'getSubscriptions', uri)));
				assert.deepEqual(one, two);
				return one;
			};
			for (const uri of ['file:///a', '', '\ud83d', 'c:d', '__proto__', 'x'.repeat(10_000)]) {
				assert.deepEqual(await get(uri), []);
				await b.do('info', 'addSubscription', 'z', uri);
				await a.do('info', 'addSubscription', 'y', uri);
				await b.do('info', 'addSubscription', '\ud83d', uri);
				await a.do('info', 'addSubscription', 'z', uri);
				assert.deepEqual(await get(uri), ['z', 'y', '\ud83d']);
				await a.do('info', 'removeSubscription', 'z', uri);
				assert.deepEqual(await get(uri), ['y', '\ud83d']);
				await a.do('info', 'addSubscription', 'z', uri);
				assert.deepEqual(await get(uri), ['y', '\ud83d', 'z']);
			}
			await b.do('info', 'delete', '\ud83d');
			assert.deepEqual(await get('file:///a'), ['y', 'z']);
			assert.deepEqual(await get('\ud83d'), ['y', 'z']);
		});

		test('stays when the node that has set it leaves', async (t) => {
			const { a, b } = await inOnePrefix(t);
			await b.do('info', 'setClientInfo', 's', CLIENT);
			await b.do('leave');
			assert.deepEqual(await a.do('info', 'getClientInfo', 's'), CLIENT);
		});
	});

	describe('an entry of an inbox that is', () => {
		const LONG = 'x'.repeat(100_000);
		/** @type {Record<string, string[][]>} */
		const foreign = {
			'of another program': [
				['a', 'b'],
				['message', '{"jsonrpc":"2.0"}'],
				['uid', '1', 'nsp', '/', 'type', '3'],
			],
			empty: [
				['', ''],
				['', '', '', ''],
			],
			huge: [[LONG, LONG], Array.from({ length: 2_000 }, (_, n) => `${n}`)],
			'not valid UTF-8': [
				['\\255\\254', '\\128'],
				['\\0', '\\0'],
			],
		};
		for (const [kind, entries] of Object.entries(foreign)) {
			test(`${kind} is counted and skipped`, async (t) => {
				const { a, b, prefix } = await inOnePrefix(t);
				await create(a, 'a', 'marks');
				await create(b, 'b', 'marks of b');
				await add(prefix, entries);
				await mark(b, a);
				await a.do('streams', 'send', undefined, 'after');
				assert.deepEqual(await b.do('received', 'b', 1), ['after']);
				for (const member of [a, b]) {
					const { backplane } = await member.do('streams', 'stats');
					assert.equal(backplane.malformed, entries.length);
					assert.deepEqual([backplane.gaps, backplane.missed, backplane.reconnects], [0, 0, 0]);
					assert.deepEqual(await member.do('gaps', 0), []);
				}
				assert.deepEqual(await a.do('seen', 'a'), [{ messages: ['after'], closed: 0 }]);
			});
		}

		test('changed in any field or value does no harm', async (t) => {
			const { a, b, prefix } = await inOnePrefix(t);
			await create(a, 'a');
			await create(b, 'b', 'taken');
			await create(a, 'taken');
			await b.do('subscribe', 1, { toolsListChanged: true });
			const unknown = 'a'.repeat(20);
			const names = [...(await nodesOf(redis, prefix)), unknown];
			// The entries below have the numbers 1 to 5 in the names of both nodes. The next entries of these nodes have higher ones.
			for (const member of [a, b]) {
				for (let n = 0; n < 5; n++) await member.do('streams', 'send', undefined, 'to all');
				await member.do('streams', 'flush');
			}
			const messages = [
				frame('m', 1, 1, 'b', 'to one'),
				frame('b', 2, 'to all'),
				frame('l', 3, 0, JSON.stringify(TOOLS)),
				frame('u', 4, 'file:///a', JSON.stringify(TOOLS)),
			];
			/** Returns bytes in the form of `add`. @param {Iterable<number>} bytes */
			const escaped = (bytes) => [...bytes].map((byte) => `\\${byte}`).join('');
			const frames = messages.map(escaped);
			const entries = names.flatMap((node) => [
				...frames.map((bytes) => ['n', node, 'c', '1', 'f', bytes]),
				['n', node, 'c', '2', 'f', frames.slice(0, 2).join('')],
				...frames.map((bytes) => ['n', node, 'c', '1', 'f', bytes.slice(0, bytes.lastIndexOf('\\'))]),
				['n', node, 's', '5', 'k', 'd', 'i', 'b', 'c', '1'],
				['n', node, 'k', 'r', 'i', 'b', 'c', '1'],
			]);
			const long = 'x'.repeat(10_000);
			const junk = [
				'',
				' ',
				'0',
				'-1',
				'1.5',
				'1e99',
				'18446744073709551616',
				'NaN',
				'null',
				'{',
				'[]',
				'\\255',
				'\\0',
				long,
			];
			/** @type {string[][]} */
			const changed = [];
			for (const fields of entries) {
				// The same entries, with each field left out, doubled, renamed, and filled with every value.
				changed.push(fields);
				for (let n = 0; n < fields.length; n += 2) {
					changed.push([...fields.slice(0, n), ...fields.slice(n + 2)], [...fields, ...fields.slice(n, n + 2)]);
					for (const value of junk) {
						for (const at of [n, n + 1]) {
							changed.push(fields.map((field, index) => (index === at ? value : field)));
						}
					}
				}
			}
			// Frames with each byte changed. Their numbers may be those of later messages.
			for (const message of messages) {
				for (const [at, byte] of message.entries()) {
					for (const other of [0, 1, 127, 128, 255, byte ^ 1]) {
						const bytes = escaped([...message.subarray(0, at), other, ...message.subarray(at + 1)]);
						changed.push(['n', unknown, 'c', '1', 'f', bytes]);
					}
				}
			}
			await add(
				prefix,
				changed.filter((fields) => fields.length > 0),
			);
			// An entry with the id of an unknown node may have closed the earlier sessions.
			await create(a, 'marks');
			await mark(b, a);
			// A node that joins later is not affected either.
			const again = new Node();
			t.after(() => again.kill());
			const late = await join(t, again, { prefix });
			await create(late, 'late');
			await create(b, 'new');
			for (const member of [a, late]) await member.do('streams', 'send', ['new'], 'text');
			assert.deepEqual(await b.do('received', 'new', 2), ['text', 'text']);
			await b.do('streams', 'send', ['late'], 'text');
			assert.deepEqual((await late.do('received', 'late', 1)).at(-1), 'text');
			const { backplane } = await b.do('streams', 'stats');
			assert.ok(backplane.malformed > 0);
			assert.equal(backplane.reconnects, 0);
		});
	});

	describe('when a key that all nodes share', () => {
		test('has another type, onError is called, local sessions work, and everything works again when the key is deleted', async (t) => {
			const prefix = newPrefix();
			await redis.command('SET', `{${prefix}}:st`, 'not a hash');
			const members = await Promise.all(nodes.map((node) => node.open(redis.url, { prefix })));
			const [a, b] = members;
			t.after(() => Promise.all(members.map((member) => member.do('leave').then(member.forget))));
			await a.do('create', 'a');
			await b.do('create', 'b');
			await a.do('streams', 'send', undefined, 'meanwhile');
			assert.deepEqual(await a.do('received', 'a', 1), ['meanwhile']);
			const [{ message }] = await a.do('errors', 1);
			assert.match(message, /WRONGTYPE|wrong kind of value/);
			await redis.command('DEL', `{${prefix}}:st`);
			await until(() =>
				Promise.all(members.map((member) => member.do('streams', 'ready'))).then(
					() => true,
					() => false,
				),
			);
			await a.do('streams', 'send', undefined, 'afterwards');
			await b.do('receivedLast', 'b', 'afterwards');
		});

		test('and all other keys are deleted, messages still arrive, and the sessions are in the directory again after a heartbeat', async (t) => {
			const { a, b } = await inOnePrefix(t, { heartbeatMs: 200, nodeTtlMs: 1_000 });
			await create(a, 'a');
			await create(b, 'b');
			for (let n = 0; n < 3; n++) {
				await a.do('streams', 'send', undefined, `${n} before`);
				await b.do('received', 'b', 2 * n + 1);
				await redis.command('FLUSHALL');
				await a.do('streams', 'send', ['b'], `${n} after`);
				assert.deepEqual((await b.do('received', 'b', 2 * n + 2)).slice(-2), [`${n} before`, `${n} after`]);
				await until(() => a.do('streams', 'has', 'b'));
				await until(() => b.do('streams', 'has', 'a'));
			}
		});
	});

	describe('a node that was paused (SIGSTOP)', () => {
		test('receives everything that waits in its inbox', async (t) => {
			const { a, b } = await inOnePrefix(t);
			await create(b, 'b');
			nodes[1].pause();
			await a.run(async ({ manager }) => {
				for (let n = 0; n < 2_000; n++) manager.send(n % 2 ? ['b'] : undefined, `${n}`);
				await manager.flush();
			});
			nodes[1].resume();
			const numbers = Array.from({ length: 2_000 }, (_, n) => `${n}`);
			assert.deepEqual(await b.do('received', 'b', 2_000), numbers);
			const { backplane } = await b.do('streams', 'stats');
			assert.deepEqual([backplane.gaps, backplane.missed, backplane.malformed], [0, 0, 0]);
		});

		test('until it counts as dead has its sessions again afterwards, except those that others have created since', async (t) => {
			const { a, b } = await inOnePrefix(t, { heartbeatMs: 150, nodeTtlMs: 600 });
			await create(b, 'b', 'x');
			nodes[1].pause();
			await until(async () => !(await a.do('streams', 'has', 'b')));
			assert.equal(await a.do('streams', 'has', 'x'), false);
			await create(a, 'x');
			await a.do('streams', 'send', undefined, 'text');
			nodes[1].resume();
			assert.deepEqual(await b.do('closed', 'x'), []);
			assert.deepEqual(await b.do('received', 'b', 1), ['text']);
			await until(() => a.do('streams', 'has', 'b'));
			await b.do('streams', 'send', ['x'], 'to the new one');
			assert.deepEqual(await a.do('received', 'x', 2), ['text', 'to the new one']);
			assert.deepEqual(await a.do('streams', 'ids'), ['x']);
			assert.deepEqual(await b.do('streams', 'ids'), ['b']);
			assert.deepEqual(await b.do('gaps', 0), []);
		});

		test('while its inbox became full reports how many messages it has missed, and continues', async (t) => {
			const { a, b, prefix } = await inOnePrefix(t, { maxLen: 2, heartbeatMs: 150, nodeTtlMs: 600 });
			await create(b, 'b');
			await a.do('streams', 'send', ['b'], 'before');
			await b.do('received', 'b', 1);
			nodes[1].pause();
			await a.run(async ({ manager }) => {
				for (let n = 0; n < 1_000; n++) manager.send(n % 2 ? ['b'] : undefined, `${n}`);
				while (manager.stats().backplane.pendingBytes > 0) await manager.flush();
			});
			for (const inbox of await inboxes(redis, prefix)) {
				const kept = await redis.command('XLEN', inbox);
				assert.ok(kept <= 2, `${kept} entries are left`);
			}
			nodes[1].resume();
			await a.do('streams', 'send', ['b'], 'after');
			await b.do('receivedLast', 'b', 'after');
			const got = (await b.do('received', 'b', 0)).slice(1, -1).map(Number);
			/** Number of messages that are missing between two that arrived one after the other. */
			const missing = [...got, 1_000]
				.map((number, at) => number - (got[at - 1] ?? -1) - 1)
				.filter((count) => count !== 0);
			assert.ok(
				missing.every((count) => count > 0),
				`got ${got}`,
			);
			const sender = (await a.do('streams', 'stats')).backplane.node;
			assert.deepEqual(
				await b.do('gaps', 1),
				missing.map((missed) => ({ node: sender, missed })),
			);
			const missed = 1_000 - got.length;
			const { backplane } = await b.do('streams', 'stats');
			assert.ok((await inboxes(redis, prefix)).includes(`{${prefix}}:in:${backplane.node}`));
			assert.equal(backplane.missed, missed);
			assert.equal(backplane.gaps, missing.length);
			assert.equal((await a.do('streams', 'stats')).backplane.gaps, 0);
			await a.do('streams', 'send', undefined, 'and on');
			assert.equal((await b.do('received', 'b', got.length + 3)).at(-1), 'and on');
		});

		test('while its inbox was deleted reports that it is lost, and continues', async (t) => {
			const { a, b, prefix } = await inOnePrefix(t, { heartbeatMs: 150, nodeTtlMs: 600 });
			await create(b, 'b');
			nodes[1].pause();
			await a.do('streams', 'send', ['b'], 'lost or not');
			await a.do('streams', 'flush');
			await redis.command('DEL', ...(await inboxes(redis, prefix)));
			nodes[1].resume();
			const [error] = await b.do('errors', 1);
			assert.match(error.message, /lost/);
			await a.do('streams', 'send', ['b'], 'after');
			await b.do('receivedLast', 'b', 'after');
		});
	});
});

/**
 * Adds entries to the inboxes of all nodes.
 *
 * @param {string} prefix
 * @param {string[][]} entries names and values of each
 */
async function add(prefix, entries) {
	const keys = await inboxes(redis, prefix);
	await redis.command('EVAL', ADD, keys.length, ...keys, JSON.stringify(entries));
}
