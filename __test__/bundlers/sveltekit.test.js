// Servers of SvelteKit: adapter-node bundles what is in devDependencies, adapter-vercel traces what is not bundled.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { choosing, filesBelow, warningsIn } from '../pack/projects.js';
import {
	assertFallback,
	assertNative,
	copyElsewhere,
	createProject,
	replacing,
	run,
	runTool,
	write,
} from './builds.js';
import { exchange } from './programs/client.js';

const received = 'notifications/tools/list_changed';

for (const kind of /** @type {const} */ (['dependencies', 'devDependencies'])) {
	test(`adapter-node: with the packages in ${kind}, the server answers natively beside node_modules`, async () => {
		const folder = await build(kind, '@sveltejs/adapter-node', '{}');
		assertNative(await serve(join(folder, 'build')), received);
		if (kind === 'dependencies') return;
		const moved = copyElsewhere(join(folder, 'build'), 'adapter-node');
		assertFallback(await serve(moved), received);
	});
}

test('adapter-vercel: the function contains the binary, and answers natively in another folder', async () => {
	const folder = await build('devDependencies', '@sveltejs/adapter-vercel', "{ runtime: 'nodejs22.x' }");
	const functions = join(folder, '.vercel', 'output', 'functions');
	// Other names are links to this function.
	const moved = copyElsewhere(join(functions, '![-]', 'catchall.func'), 'adapter-vercel');
	const files = filesBelow(moved);
	for (const needed of [/\/native\/load\.cjs$/, /\/native\/session-manager\.[\w-]+\.node$/]) {
		assert.ok(
			files.some((file) => needed.test(file)),
			`${needed} in ${files.join('\n')}`,
		);
	}
	const { handler } = JSON.parse(readFileSync(join(moved, '.vc-config.json'), 'utf8'));
	copyFileSync(join(folder, 'client.js'), join(moved, 'client.mjs'));
	write(moved, {
		'run.mjs': `
			import { exchange } from './client.mjs';
			import { default as server } from './${handler}';
			console.log(JSON.stringify(await exchange((request) => server.fetch(request))));`,
	});
	assertNative(await run(join(moved, 'run.mjs')), received);
});

/**
 * @param {'dependencies' | 'devDependencies'} kind
 * @param {string} adapter
 * @param {string} options
 */
async function build(kind, adapter, options) {
	const folder = await createProject(`${adapter.split('/')[1]}-${kind}`, {
		isPublished: false,
		manifest: (tarball) => replacing(kind, tarball),
	});
	write(folder, {
		'svelte.config.js': `
			import adapter from '${adapter}';
			export default { kit: { adapter: adapter(${options}) } };`,
		'vite.config.js': `
			import { sveltekit } from '@sveltejs/kit/vite';
			export default { plugins: [sveltekit()] };`,
		'src/app.html': '<!doctype html><html><head>%sveltekit.head%</head><body>%sveltekit.body%</body></html>',
		'src/routes/+page.svelte': '<h1>A page</h1>',
		'src/hooks.server.js': `
			import { respond } from '../server.js';
			export const handle = async ({ event, resolve }) => (await respond(event.request)) ?? resolve(event);`,
	});
	await runTool(folder, 'vite', 'build', '--logLevel', 'error');
	return folder;
}

/**
 * Starts the server of a folder, and returns what a client of /mcp got, and the warnings of the server.
 *
 * @param {string} folder
 */
async function serve(folder) {
	const env = { ...choosing, HOST: '127.0.0.1', PORT: '0' };
	const server = spawn(process.execPath, ['index.js'], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
	let stdout = '';
	let stderr = '';
	server.stderr.on('data', (data) => {
		stderr += data;
	});
	try {
		for await (const data of server.stdout) {
			stdout += data;
			if (stdout.includes('\n')) break;
		}
		const address = /Listening on (http:\S+)/.exec(stdout)?.[1];
		assert.ok(address !== undefined, `${stdout}\n${stderr}`);
		const result = await exchange(fetch, `${address}/mcp`);
		return { ...result, warnings: warningsIn(stderr) };
	} finally {
		server.kill();
	}
}
