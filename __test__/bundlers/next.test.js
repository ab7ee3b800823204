// An application of Next.js with `output: 'standalone'`: its folder contains the binary. A route for the edge runtime takes the
// core in JavaScript.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, cpSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { checkout, choosing, describe, execute, filesBelow, npm, temporary, warningsIn } from '../pack/projects.js';
import { copyElsewhere, write } from './builds.js';
import { exchange } from './programs/client.js';
import { binary, publishedNpmrc } from './published.js';

const { name, version } = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8'));
const upstream = '@tmcp/session-manager';

test('Next.js with output standalone, in another place', async (t) => {
	const folder = copyElsewhere(join(await build(), '.next', 'standalone'), 'next');
	assert.ok(filesBelow(folder).includes(`node_modules/${binary}`));
	const server = await serve(folder);
	try {
		await t.test('a route handler answers natively', async () => {
			const received = 'notifications/tools/list_changed';
			assert.deepEqual(await exchange(fetch, `${server.address}/mcp`), { isNative: true, received });
			assert.deepEqual(server.warnings(), []);
		});

		await t.test(
			'a route handler for the edge runtime delivers on the core in JavaScript, without a warning',
			async () => {
				const response = await fetch(`${server.address}/edge`);
				assert.deepEqual(await response.json(), { isNative: false, received: 'to a, to all' });
				assert.deepEqual(server.warnings(), []);
			},
		);
	} finally {
		await server.stop();
	}
});

/** Creates the application, puts our package in the place of upstream's, builds it, and returns its folder. */
async function build() {
	const folder = join(temporary, 'next');
	const from = join(checkout, '__test__', 'bundlers', 'next-app');
	mkdirSync(folder);
	// Not a link: Next.js traces files by their real paths.
	cpSync(join(from, 'node_modules'), join(folder, 'node_modules'), { recursive: true, verbatimSymlinks: true });
	copyFileSync(join(from, 'package-lock.json'), join(folder, 'package-lock.json'));
	const { dependencies } = JSON.parse(readFileSync(join(from, 'package.json'), 'utf8'));
	describe(folder, {
		dependencies: { ...dependencies, [upstream]: `npm:${name}@${version}` },
		overrides: { [upstream]: `$${upstream}` },
	});
	write(folder, {
		'.npmrc': await publishedNpmrc(),
		'next.config.mjs': `
			export default { output: 'standalone', serverExternalPackages: ['${upstream}'] };`,
		'app/mcp/route.js': `
			import { respond } from '../../server.js';
			const handle = async (request) => (await respond(request)) ?? new Response(null, { status: 404 });
			export { handle as GET, handle as POST, handle as DELETE };`,
		'app/edge/route.js': `
			import { InMemoryStreamSessionManager, isNative } from '${upstream}';
			export const runtime = 'edge';
			export async function GET() {
				const manager = new InMemoryStreamSessionManager();
				const stream = new ReadableStream({ start: (controller) => manager.create('a', controller) });
				manager.send(['a'], 'to a, ');
				manager.send(undefined, 'to all');
				manager.delete('a');
				return Response.json({ isNative, received: await new Response(stream).text() });
			}`,
	});
	copyFileSync(join(checkout, '__test__', 'bundlers', 'programs', 'server.js'), join(folder, 'server.js'));
	await npm(folder, 'install');
	await execute(folder, process.execPath, join(folder, 'node_modules', 'next', 'dist', 'bin', 'next'), 'build');
	const renamed = `${folder}-renamed`;
	renameSync(folder, renamed);
	return renamed;
}

/** @param {string} folder of a server */
async function serve(folder) {
	const address = `http://127.0.0.1:${await freePort()}`;
	const env = { ...choosing, HOSTNAME: '127.0.0.1', PORT: new URL(address).port, NEXT_TELEMETRY_DISABLED: '1' };
	const child = spawn(process.execPath, ['server.js'], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
	let stdout = '';
	let stderr = '';
	child.stderr.on('data', (data) => {
		stderr += data;
	});
	await new Promise((resolve, reject) => {
		child.once('exit', () => reject(new Error(`${stdout}\n${stderr}`)));
		// Next.js also writes later, so the pipe stays open.
		child.stdout.on('data', (data) => {
			stdout += data;
			if (stdout.includes('Ready in')) resolve(undefined);
		});
	});
	const stop = async () => {
		child.kill();
		if (child.exitCode === null) await once(child, 'exit');
	};
	return { address, warnings: () => warningsIn(stderr), stop };
}

/** Returns a port for Next.js, which takes 0 for 3000. */
async function freePort() {
	const listener = createServer().listen(0, '127.0.0.1');
	await once(listener, 'listening');
	const { port } = /** @type {import('node:net').AddressInfo} */ (listener.address());
	listener.close();
	await once(listener, 'close');
	return port;
}
