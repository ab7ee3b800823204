// The packed tarball on hosts that have web APIs only: Cloudflare's workerd and Vercel's edge-runtime. They take the core in
// JavaScript by the conditions of package.json, without a module of Node.js.

import assert from 'node:assert/strict';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { EdgeRuntime } from 'edge-runtime';
import { build } from 'esbuild';
import { Miniflare } from 'miniflare';
import { checkout, npm, pack, project } from '../pack/projects.js';

/** @type {string} */
let folder;

before(async () => {
	folder = project('web-hosts', {}, await pack());
	await npm(folder, 'install', './ours.tgz');
	// The programs import what is installed in their folder, and not the checkout.
	cpSync(join(checkout, '__test__', 'web-hosts', 'programs'), join(folder, 'programs'), { recursive: true });
});

/**
 * Returns a program as one module. esbuild fails when the module imports something that is not in the bundle, such as a
 * module of Node.js.
 *
 * @param {string} program
 * @param {string[]} conditions
 */
async function bundle(program, conditions) {
	const { outputFiles } = await build({
		entryPoints: [join(folder, 'programs', program)],
		conditions,
		mainFields: ['module', 'main'],
		platform: 'neutral',
		format: 'esm',
		bundle: true,
		write: false,
		logLevel: 'silent',
	});
	return outputFiles[0].text;
}

for (const [how, compatibilityDate, compatibilityFlags] of /** @type {const} */ ([
	['without nodejs_compat, at a date of 2024', '2024-01-01', []],
	['without nodejs_compat', '2026-07-01', []],
	['with nodejs_compat', '2026-07-01', ['nodejs_compat']],
])) {
	describe(`workerd ${how}`, () => {
		/** @type {Miniflare} */
		let host;
		/** @param {string} path @param {string} [body] */
		const ask = (path, body) =>
			host.dispatchFetch(`http://localhost${path}`, body === undefined ? {} : { method: 'POST', body });

		before(async () => {
			const contents = await bundle('worker.js', ['workerd', 'worker', 'browser']);
			host = new Miniflare({
				modules: [{ type: 'ESModule', path: 'worker.mjs', contents }],
				compatibilityDate,
				compatibilityFlags: [...compatibilityFlags],
				durableObjects: { SESSIONS: 'Sessions' },
			});
			await host.ready;
		});
		after(() => host.dispose());

		it('runs the core in JavaScript, and refuses what needs the addon with the reason', async () => {
			const { isNative, refused } = /** @type {any} */ (await (await ask('/core')).json());
			assert.equal(isNative, false);
			for (const { code, message } of refused) {
				assert.equal(code, 'ERR_NATIVE_REQUIRED');
				assert.match(message, /This host takes the build of @tmcp-native\/session-manager for web APIs/);
			}
			assert.equal(refused.length, 2);
		});

		it('delivers to a stream what the same request sends', async () => {
			assert.equal(await (await ask('/alone')).text(), 'data: ü 1\n\ndata: \u{1f600} 2\n\n');
		});

		it('delivers to the streams of a Durable Object what other requests send, and comments while there is nothing', async () => {
			const streams = await Promise.all(['a', 'b'].map((id) => ask(`/open?id=${id}`)));
			const readers = streams.map(({ body }) => {
				assert.ok(body);
				return body.pipeThrough(new TextDecoderStream()).getReader();
			});
			const both = async () => Promise.all(readers.map(async (reader) => (await reader.read()).value));
			assert.deepEqual(await both(), [': keepalive\n\n', ': keepalive\n\n']);
			await ask('/send', 'data: 1\n\n');
			for (const reader of readers) {
				let text = '';
				while (!text.includes('data')) text += (await reader.read()).value;
				assert.match(text, /^(: keepalive\n\n)*data: 1\n\n/);
			}
			assert.deepEqual(await (await ask('/delete?id=a')).json(), { sessions: 1, deleted: 1, has: false });
			let text = '';
			for (;;) {
				const { done, value } = await readers[0].read();
				if (done) break;
				text += value;
			}
			assert.match(text, /^(: keepalive\n\n)*$/);
			assert.deepEqual(await (await ask('/?id=b')).json(), { sessions: 1, deleted: 1, has: true });
			await readers[1].cancel();
		});
	});
}

describe('edge-runtime', () => {
	it('delivers to a stream what the same request sends, on the core in JavaScript', async () => {
		const initialCode = await bundle('edge.js', ['edge-light', 'worker', 'browser']);
		const runtime = new EdgeRuntime({ initialCode });
		const response = await runtime.dispatchFetch('http://localhost/');
		await response.waitUntil();
		assert.equal(await response.text(), 'data: ü 1\n\ndata: false\n\n');
	});
});

describe('without a condition of its host', () => {
	it('a bundle takes the build for web APIs, and needs no module of Node.js', async () => {
		const module = await bundle('worker.js', []);
		assert.doesNotMatch(module, /from "node:|require\("node:/);
		assert.match(module, /This host takes the build of/);
	});
});
