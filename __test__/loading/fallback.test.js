// How the package is loaded: with its binary, and without it, where a core in JavaScript takes its place.
//
// Run: npm run test:js -- loading

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

import fc from 'fast-check';

import * as core from '../../lib/native/binding.js';
import * as fallback from '../../lib/native/fallback.js';
import { platform as here } from '../../lib/native/load.cjs';
import { binaryMissing, platforms } from '../../lib/native/missing-binary.js';
import { NAME } from '../../lib/native/package.js';
import { countCalls } from '../support/count-calls.js';
import { needsNative } from '../support/native.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const program = fileURLToPath(new URL('../programs/print-core.js', import.meta.url));

/** The entry point of the checkout, and that of a copy that has no binary. */
const entry = join(root, 'lib', 'index.js');
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'session-manager-loading-')));
after(() => rmSync(folder, { recursive: true, force: true }));
for (const name of ['package.json', 'lib']) cpSync(join(root, name), join(folder, name), { recursive: true });
const entryWithoutBinary = join(folder, 'lib', 'index.js');

/** The environment without the choice of a core for the tests themselves. */
const { TMCP_NATIVE, ...environment } = process.env;

const isNode = process.versions.bun === undefined && process.versions.deno === undefined;
const nodeOnly = { skip: !isNode && 'an option of Node.js' };
const denoOnly = { skip: process.versions.deno === undefined && 'Deno only' };

describe('TMCP_NATIVE', () => {
	test('is not needed: the binary is loaded, without a warning', async () => {
		const [{ isNative, received, warnings }] = await load(entry);
		assert.deepEqual({ isNative, received, warnings }, { isNative: true, received: 'message', warnings: [] });
	});

	test('set to require, loads the binary', async () => {
		const [{ isNative, warnings }] = await load(entry, { TMCP_NATIVE: 'require' });
		assert.deepEqual({ isNative, warnings }, { isNative: true, warnings: [] });
	});

	test('set to off, uses the JavaScript core without a warning', async () => {
		const [{ isNative, received, warnings, errors }] = await load(entry, { TMCP_NATIVE: 'off' });
		assert.deepEqual({ isNative, received, warnings }, { isNative: false, received: 'message', warnings: [] });
		assertNativeRequired(errors, 'TMCP_NATIVE is "off" in the environment, so the binary was not loaded.');
	});
});

describe('without a binary', () => {
	test('the JavaScript core is used, with a warning that names the platform and the remedy', async () => {
		const [{ isNative, received, warnings, errors }] = await load(entryWithoutBinary);
		assert.deepEqual({ isNative, received }, { isNative: false, received: 'message' });
		assert.deepEqual(
			warnings.map(({ code }) => code),
			['TMCP_NATIVE_FALLBACK'],
		);
		const [{ message }] = warnings;
		assert.match(message, new RegExp(`^${NAME} \\S+ could not load a native binary on ${here} with (Node|Bun|Deno)`));
		assert.match(
			message,
			new RegExp(`The binary is in the optional dependency ${NAME}-${here}, which is not installed`),
		);
		assert.match(message, /npm install --include=optional/);
		assert.match(message, /Only the option "scope" and the Redis managers do not work\.\n/);
		assert.match(message, /set TMCP_NATIVE=require in the environment; to get neither, TMCP_NATIVE=off\.$/);
		assertNativeRequired(errors, message.slice(0, message.indexOf('\nWithout it, ')));
	});

	test('a thread that is started later does not warn again', async () => {
		const [main, worker] = await load(entryWithoutBinary, {}, [], ['with a worker']);
		assert.deepEqual([main.isNative, main.warnings.length], [false, 1]);
		assert.deepEqual([worker.isNative, worker.warnings.length], [false, 0]);
	});

	test('with TMCP_NATIVE=require, the import fails with the same explanation', async () => {
		const [{ refused }] = await load(entryWithoutBinary, { TMCP_NATIVE: 'require' });
		assert.equal(refused.code, 'ERR_NATIVE_BINARY_MISSING');
		assert.match(refused.message, new RegExp(`The binary is in the optional dependency ${NAME}-${here}`));
	});

	test('with TMCP_NATIVE=off, there is no warning', async () => {
		const [{ isNative, warnings }] = await load(entryWithoutBinary, { TMCP_NATIVE: 'off' });
		assert.deepEqual({ isNative, warnings }, { isNative: false, warnings: [] });
	});
});

describe('a runtime that does not allow the binary is named in the warning:', () => {
	const permission = process.allowedNodeEnvironmentFlags.has('--permission')
		? '--permission'
		: '--experimental-permission';

	test('Node.js with --no-addons', nodeOnly, async () => {
		const [{ isNative, received, warnings }] = await load(entry, {}, ['--no-addons']);
		assert.deepEqual({ isNative, received }, { isNative: false, received: 'message' });
		assertOnlyWarning(warnings, /\nNode\.js runs with --no-addons\. Remove this option/);
	});

	test('Node.js with --no-addons and TMCP_NATIVE=require', nodeOnly, async () => {
		const [{ refused }] = await load(entry, { TMCP_NATIVE: 'require' }, ['--no-addons']);
		assert.equal(refused.code, 'ERR_NATIVE_BINARY_MISSING');
		assert.match(refused.message, /\nNode\.js runs with --no-addons\. Remove this option/);
	});

	test('Node.js with --permission and without --allow-addons', nodeOnly, async () => {
		const [{ isNative, received, warnings }] = await load(entry, {}, [permission, '--allow-fs-read=*']);
		assert.deepEqual({ isNative, received }, { isNative: false, received: 'message' });
		assertOnlyWarning(warnings, /\nNode\.js runs with its permission model, .*: add --allow-addons\.\n/);
	});

	test('Node.js with --permission and without the right to read the binary', nodeOnly, async () => {
		const readable = [program, join(root, 'lib'), join(root, 'package.json')];
		const options = [permission, '--allow-addons', ...readable.map((path) => `--allow-fs-read=${path}`)];
		const [{ isNative, received, warnings }] = await load(entry, {}, options);
		assert.deepEqual({ isNative, received }, { isNative: false, received: 'message' });
		assertOnlyWarning(warnings, /\nNode\.js runs with its permission model: .* --allow-fs-read for the folder/);
	});

	for (const [how, given, needed] of [
		['without permissions', [], '--allow-read'],
		['without --allow-ffi', ['--allow-read'], '--allow-ffi'],
	]) {
		test(`Deno ${how}`, denoOnly, async () => {
			// A static import, because Deno permits it without --allow-read.
			const importing = join(folder, 'importing.mjs');
			const source = `import { InMemoryStreamSessionManager, isNative } from ${JSON.stringify(pathToFileURL(entry))};
				console.log(isNative, new InMemoryStreamSessionManager().size);`;
			writeFileSync(importing, source);
			const { Deno } = /** @type {any} */ (globalThis);
			const args = ['run', '--no-prompt', '--no-check', '--no-lock', ...given, importing];
			const command = new Deno.Command(Deno.execPath(), { args, cwd: root, clearEnv: true, env: environment });
			const [output, warning] = await command
				.output()
				.then((/** @type {any} */ { stdout, stderr }) =>
					[stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)),
				);
			assert.equal(output, 'false 0\n', warning);
			assert.match(warning, new RegExp(`\\[TMCP_NATIVE_FALLBACK\\] Warning: ${NAME}.* on ${here} with Deno `));
			assert.match(warning, new RegExp(`\nDeno does not permit it \\(.*${needed} flag\\)\\.\n`));
			assert.match(warning, /\nRun the program with --allow-ffi --allow-read\.\n/);
			assert.doesNotMatch(warning, /bundled/);
		});
	}

	test('a file system that is mounted with noexec', () => {
		const [glibc, musl] = ['failed to map segment from shared object', 'Operation not permitted'];
		for (const reason of [glibc, `${glibc}: ${musl}`, musl]) {
			const { message } = binaryMissing([new Error(`/app/node_modules/session-manager.node: ${reason}`)], here, false);
			assert.match(message, /Its file system is mounted with noexec\./);
			assert.doesNotMatch(message, /damaged|Rust/);
		}
	});

	test('a platform that has no binary', () => {
		const { message } = binaryMissing([], 'freebsd-x64', false);
		assert.match(message, /could not load a native binary on freebsd-x64/);
		assert.match(
			message,
			new RegExp(`\nBinaries exist only for ${platforms.join(', ')}\\. Build the binary from source`),
		);
	});
});

describe('the JavaScript core agrees with the addon', needsNative, () => {
	test('on the option that a misspelled name is most similar to', () => {
		const names = ['scope', 'ttlMs', 'sliceMs', 'keepAliveMs', 'maxSessions', 'maxAgeMs', 'maxMailboxBytes', 'pool'];
		for (const name of names) {
			for (let index = 0; index < name.length; index++) {
				const [before, letter, rest] = [name.slice(0, index), name[index], name.slice(index + 1)];
				const misspelled = [before + rest, `${before}x${rest}`, `${before}x${letter}${rest}`, before, rest];
				const swapped = before + rest.slice(0, 1) + letter + rest.slice(1);
				for (const word of [...misspelled, swapped, name.toUpperCase(), `${name}${name}`]) {
					assert.equal(fallback.nearest(word, names), core.nearest(word, names), word);
				}
			}
		}
		assert.equal(fallback.nearest('scope', []), core.nearest('scope', []));
	});

	test('on what the URL of a Redis server is', () => {
		for (const url of [
			...['redis://localhost', 'rediss://localhost:6380/1', 'redis://user:secret@[::1]:6379', 'valkey://localhost'],
			...['redis://a,b:6380/1', 'redis-sentinel://a,b#name', 'valkeys-sentinel://user:secret@a:26380/1#name'],
			...['redis-sentinel://a', 'redis-sentinel://a#', 'redis-sentinel:///0#name', 'http-sentinel://a#name'],
			...['', 'localhost', 'localhost:6379', 'http://localhost', 'redis:', 'redis://', 'redis:localhost', 'redis'],
		]) {
			assert.equal(fallback.isRedisUrl(url), core.isRedisUrl(url), url);
		}
	});
});

describe('in the JavaScript core, an id that is removed and created again and again', () => {
	// V8 keeps each entry that is deleted from a Map in the chain of its hash, for some time.
	test('is rarely deleted from the Map of the sessions', async () => {
		const streams = fallback.openStreams();
		for (let id = 0; id < 100; id++) streams.create(`${id}`);
		const deletes = await countCalls(Map.prototype, 'delete', () => {
			for (let turn = 0; turn < 1_000; turn++) {
				streams.create('again');
				streams.remove('again');
			}
		});
		assert.ok(deletes <= 1_000 / 64, `${deletes}`);
		assert.equal(streams.size(), 100);
		assert.equal(streams.has('again'), false);
	});

	test('has a session exactly while it is created, among any number of others', () => {
		const steps = fc.array(fc.tuple(fc.nat(300), fc.boolean()), { minLength: 1_000, maxLength: 3_000 });
		fc.assert(
			fc.property(steps, (all) => {
				const streams = fallback.openStreams();
				/** @type {Map<string, number>} */
				const expected = new Map();
				for (const [number, isCreated] of all) {
					const id = `${number}`;
					const key = expected.get(id);
					expected.delete(id);
					if (isCreated) {
						const created = streams.create(id);
						expected.set(id, Array.isArray(created) ? created[0] : created);
						if (key !== undefined) assert.deepEqual(created, [expected.get(id), key]);
					} else assert.equal(streams.remove(id), key ?? 0);
					assert.equal(streams.size(), expected.size);
				}
				assert.deepEqual(streams.ids(), [...expected.keys()]);
				for (let id = 0; id <= 300; id++) assert.equal(streams.routeOne(`${id}`, ''), expected.get(`${id}`) ?? 0);
			}),
			{ numRuns: 20 },
		);
	});

	test('is rarely deleted from the Maps of the registrations', async () => {
		const subscriptions = fallback.openSubscriptions();
		for (let id = 0; id < 100; id++) subscriptions.create(`${id}`, id, 0, [`file:///${id}`]);
		const deletes = await countCalls(Map.prototype, 'delete', () => {
			for (let turn = 0; turn < 1_000; turn++) {
				subscriptions.remove(subscriptions.create('again', 'again', 0, ['file:///again']));
			}
		});
		// The Map of the keys deletes a new key in each turn. The others are the Maps of the origins and of the URIs.
		assert.ok(deletes <= 1_000 + (2 * 1_000) / 64, `${deletes}`);
		assert.equal(subscriptions.find('again', 'again'), 0);
	});
});

/**
 * @typedef {object} Printed
 * @property {boolean} isNative
 * @property {string} received
 * @property {{ code: string, message: string }[]} warnings
 * @property {{ code: string, message: string }[]} errors of what needs the addon
 * @property {{ code: string, message: string }} refused the error of the import
 */

/**
 * Runs the program of this test, and returns what each of its threads prints.
 *
 * @param {string} file the entry point that the program imports
 * @param {{ TMCP_NATIVE?: string }} [env]
 * @param {string[]} [options] of the runtime
 * @param {string[]} [args]
 * @returns {Promise<Printed[]>}
 */
async function load(file, env = {}, options = [], args = []) {
	const { stdout } = await promisify(execFile)(process.execPath, [...options, program, file, ...args], {
		cwd: root,
		env: { ...environment, ...env },
		timeout: 60_000,
	});
	return stdout
		.trim()
		.split('\n')
		.map((line) => JSON.parse(line));
}

/**
 * Asserts that what needs the addon is refused with this explanation.
 *
 * @param {{ code: string, message: string }[]} errors
 * @param {string} explanation
 */
function assertNativeRequired(errors, explanation) {
	const subjects = [
		...['Stream', 'Info'].map((kind) => `InMemory${kind}SessionManager: the option "scope"`),
		'InMemorySubscriptionManager: the option "scope"',
		...['RedisStreamSessionManager', 'RedisInfoSessionManager', 'RedisSubscriptionManager'],
	];
	assert.deepEqual(
		errors,
		subjects.map((subject) => ({
			code: 'ERR_NATIVE_REQUIRED',
			message: `${subject} needs the native binary.\n${explanation}`,
		})),
	);
}

/**
 * @param {{ code: string, message: string }[]} warnings
 * @param {RegExp} message
 */
function assertOnlyWarning(warnings, message) {
	const ours = warnings.filter(({ code }) => code === 'TMCP_NATIVE_FALLBACK');
	assert.equal(ours.length, 1);
	assert.match(ours[0].message, message);
}
