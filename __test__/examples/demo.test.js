// Runs the demo, the check of the demo, and the example servers. Needs the packages that `node scripts/setup.mjs examples`
// installs.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { problems } from '../../examples/demo/expectations.mjs';
import { tryIt } from '../../examples/support/try-it.mjs';
import { run } from '../support/programs.js';

const posix = { skip: process.platform === 'win32' && 'Windows has no SIGTERM' };
const withShell = spawnSync('curl', ['--version']).status === 0 ? posix : { skip: 'curl is not installed' };

describe('the demo', () => {
	it('exits with 0 after every message has arrived', { timeout: 60_000 }, async () => {
		const demo = run(process.execPath, ['examples/demo.mjs']);
		assert.equal(await demo.ended, 0, demo.output);
		assert.match(demo.output, /^20 of 20 messages arrived, each exactly once and at no other client;/m);
		assert.match(
			demo.output,
			/^@tmcp\/transport-http imports @tmcp-native\/session-manager \S+ as @tmcp\/session-manager\.$/m,
		);
	});

	it('exits with 0 after the changes in each of three threads have reached the clients of all threads', {
		timeout: 60_000,
	}, async () => {
		const demo = run(process.execPath, ['examples/demo-workers.mjs']);
		assert.equal(await demo.ended, 0, demo.output);
		assert.match(demo.output, /^An MCP server of 3 threads, /m);
		assert.match(demo.output, /^The streams of 6 clients are in 3 threads\.$/m);
		for (const thread of [1, 2, 3]) {
			for (const action of ['counts visits', 'adds a tool'])
				assert.match(demo.output, RegExp(`^thread ${thread} ${action}`, 'm'));
		}
		assert.match(demo.output, /^(\d+) of \1 messages arrived, each exactly once and at no other client;/m);
	});
});

describe("the demo's check", () => {
	const steps = [
		{ message: 'update', to: ['ada'] },
		{ message: 'tools', to: ['ada', 'ben'] },
		{ message: 'update', to: ['ada'] },
	];
	const asExpected = { ada: ['update', 'tools', 'update'], ben: ['tools'] };

	it('finds no problem when each client received its messages', () => {
		assert.deepEqual(problems(steps, asExpected), []);
	});

	it('reports a missing message', () => {
		assert.deepEqual(problems(steps, { ...asExpected, ada: ['update', 'tools'] }), [
			'ada received "update" 1×, not 2×: missing',
		]);
	});

	it('reports every message of a client that received none', () => {
		assert.deepEqual(problems(steps, { ada: asExpected.ada }), ['ben received "tools" 0×, not 1×: missing']);
	});

	it('reports a duplicate', () => {
		assert.deepEqual(problems(steps, { ...asExpected, ben: ['tools', 'tools'] }), [
			'ben received "tools" 2×, not 1×: duplicate',
		]);
	});

	it('reports a message to the wrong client', () => {
		assert.deepEqual(problems(steps, { ...asExpected, ben: ['tools', 'update'] }), [
			'ben received "update", which was for other clients',
		]);
	});

	it('reports a message to a client that expects none', () => {
		assert.deepEqual(problems(steps, { ...asExpected, cleo: ['tools'] }), [
			'cleo received "tools", which was for other clients',
		]);
	});

	it('reports an order that differs from the order of the changes', () => {
		assert.deepEqual(problems(steps, { ...asExpected, ada: ['update', 'update', 'tools'] }), [
			'ada received everything, but in another order: update, update, tools',
		]);
	});
});

describe('the example server', () => {
	it('shows in its first lines the commands that it prints', () => {
		const source = readFileSync(new URL('../../examples/server.mjs', import.meta.url), 'utf8');
		const comment = source.replace(/^\/\/ ?/gm, '');
		for (const { why, type } of tryIt('http://127.0.0.1:3000/mcp')) {
			assert.ok(
				comment.includes(`${why}\n\n${indent(type)}\n`),
				`the comment in server.mjs lacks "${why}" or its command`,
			);
		}
	});
});

const servers = {
	'the example server': { file: 'examples/server.mjs', env: { PORT: '0' } },
	'the example server of several threads': { file: 'examples/workers.mjs', env: { PORT: '0', WORKERS: '3' } },
};
for (const [name, { file, env }] of Object.entries(servers)) {
	describe(name, () => {
		it('answers the commands that it prints, when they are typed into a shell', {
			...withShell,
			timeout: 60_000,
		}, async () => {
			const server = run(process.execPath, [file], env);
			const [url] = await server.until(/http:\S+/);
			const shell = run('sh');
			for (const { type, shows } of tryIt(url)) {
				await server.until(indent(type));
				shell.type(type);
				for (const answer of shows) await shell.until(answer);
			}
			// The last command ends the session, and so the stream in the background.
			shell.type('wait; exit 0');
			assert.equal(await shell.ended, 0, shell.output);
			server.stop();
			assert.equal(await server.ended, 0, server.output);
		});

		it('ends the open streams when it is stopped', { ...posix, timeout: 60_000 }, async () => {
			const server = run(process.execPath, [file], env);
			const [url] = await server.until(/http:\S+/);
			const stream = await fetch(url, { headers: { 'mcp-session-id': 'open' } });
			server.stop();
			assert.equal(await stream.text(), ': connected\n\n');
			assert.equal(await server.ended, 0, server.output);
		});

		it('names the port that is taken, and exits with 1', { ...posix, timeout: 60_000 }, async () => {
			const first = run(process.execPath, [file], env);
			const [, port] = await first.until(/http:\S+:(\d+)/);
			const second = run(process.execPath, [file], { ...env, PORT: port });
			assert.equal(await second.ended, 1, second.output);
			assert.match(second.output, RegExp(`^Port ${port} is taken. Use another one: PORT=3001 node ${file}$`, 'm'));
			first.stop();
			assert.equal(await first.ended, 0, first.output);
		});
	});
}

/** @param {string} text */
function indent(text) {
	return text.replace(/^/gm, '  ');
}
