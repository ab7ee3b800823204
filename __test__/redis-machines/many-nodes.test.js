// Thirty nodes share one Redis: three processes with ten nodes each, because each spelling of the URL is a node of its own.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { describeWithRedis, startRedis } from '../support/redis.js';
import { inboxes, nodes } from '../support/redis-keys.js';
import { assertNoGaps } from '../support/redis-node/machines.js';
import { Node, newPrefix } from '../support/redis-node/node.js';
import { until } from '../support/until.js';

const PROCESSES = 3;
const NODES = 30;

describeWithRedis('30 nodes', () => {
	test('send to all, to each other and to unknown sessions: everything arrives once and in order, and is acknowledged', async (t) => {
		const hosts = Array.from({ length: NODES / PROCESSES }, (_, n) => `127.0.0.${n + 1}`);
		const redis = await startRedis({ args: ['--bind', ...hosts] });
		t.after(() => redis.end());
		const prefix = newPrefix();
		const processes = Array.from({ length: PROCESSES }, () => new Node());
		t.after(() => Promise.all(processes.map((node) => node.kill())));
		const members = await Promise.all(
			processes.flatMap((node) => hosts.map((host) => node.open(`redis://${host}:${redis.port}`, { prefix }))),
		);
		await Promise.all(members.map((member) => member.do('streams', 'ready')));
		assert.equal((await nodes(redis, prefix)).length, NODES);
		await Promise.all(members.map((member, n) => member.do('create', `session-${n}`)));
		await Promise.all(members.map((member) => member.do('streams', 'flush')));

		await Promise.all(
			members.map((member, n) =>
				member.run(
					async (m, n, nodes) => {
						for (let k = 0; k < nodes; k++) {
							m.manager.send([`session-${k}`, 'unknown'], `${n}: to one`);
							m.manager.send(undefined, `${n}: to all ${k}`);
						}
						await m.manager.flush();
					},
					n,
					NODES,
				),
			),
		);
		await Promise.all(
			members.map(async (member, n) => {
				/** @type {string[]} */
				const received = await member.do('received', `session-${n}`, NODES * (NODES + 1));
				for (let sender = 0; sender < NODES; sender++) {
					const wanted = Array.from({ length: NODES }, (_, k) => `${sender}: to all ${k}`);
					wanted.splice(n, 0, `${sender}: to one`);
					assert.deepEqual(
						received.filter((text) => text.startsWith(`${sender}:`)),
						wanted,
					);
				}
				for (let other = 0; other < NODES; other++) {
					assert.equal(await member.do('streams', 'has', `session-${other}`), true);
				}
			}),
		);
		await assertNoGaps(members);
		// Redis removes what was acknowledged.
		for (const inbox of await inboxes(redis, prefix)) {
			await until(async () => (await redis.command('XLEN', inbox)) === 0);
		}
	});
});
