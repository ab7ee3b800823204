// Three servers behind a load balancer, and clients of the official SDK, while Redis is stopped, killed, paused and filled, and
// the connections to it are cut, refused and left hanging at random. After each fault, the clients pause until all servers agree
// again.
//
//   CHAOS_SEED=1 CHAOS_FAULTS=killed CHAOS_SECONDS=40 npm run test:chaos
//
// Without CHAOS_SEED, the seed is random; the run prints it. CHAOS_FAULTS is a regular expression for the kinds of faults.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { describeWithRedis } from '../support/redis.js';
import { runChaos } from './support/run.js';

const {
	CHAOS_SEED = String(Math.floor(Math.random() * 2 ** 31)),
	CHAOS_FAULTS = '.',
	// Redis, the servers and the clients start before, and stop afterwards.
	CHAOS_SECONDS = '48',
} = process.env;

describeWithRedis('chaos', () => {
	test('no server ends, no request takes longer than 2.5 s, no message is lost or arrives twice, and memory stays flat', {
		timeout: 100_000,
	}, async (t) => {
		t.diagnostic(`CHAOS_SEED=${CHAOS_SEED}`);
		const { problems, figures } = await runChaos(t, {
			seed: Number(CHAOS_SEED),
			only: new RegExp(CHAOS_FAULTS),
			seconds: Number(CHAOS_SECONDS),
		});
		const width = Math.max(...figures.map(([name]) => name.length));
		for (const [name, value] of figures) t.diagnostic(`${name.padEnd(width)}  ${value}`);
		assert.deepEqual(problems, [], `CHAOS_SEED=${CHAOS_SEED}`);
	});
});
