// npm run bench:cores: times the managers on the native core and on the JavaScript core beside upstream's, in one process and in
// alternating turns. The controllers only count what they get, so that the time is that of the managers. Every count is
// checked.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import * as upstream from 'upstream';
import { describeEnvironment } from '../harness/environment.mjs';
import { interleave } from '../harness/interleave.mjs';
import { nsPerOperation } from '../harness/operations.mjs';
import { ratios, spread } from '../harness/stats.mjs';
import { asciiTexts, copy, makeIds } from '../harness/test-data.mjs';
import { withCopies } from '../isolated/package-copies.mjs';
import { time } from '../report/format.mjs';

/** @typedef {typeof import('../../lib/index.js')} Package */

const BUDGET = { ms: 2_000, minRounds: 12 };
const TEXT = asciiTexts[0].value;

/** Each row sets up a package, and returns a turn: it resolves to the nanoseconds per operation. */
const rows = {
	'send 100 B to one of 1 session': sendTo(1, (ids) => [ids[0]], 1),
	'send 100 B to one of 10,000 sessions': sendTo(10_000, (ids, turn) => [ids[(turn * 7_919) % ids.length]], 1),
	'send 100 B to 100 of 10,000 sessions': sendTo(10_000, (ids) => ids.filter((_, index) => index % 100 === 0), 100),
	'send 100 B to all of 1,000 sessions': sendTo(1_000, () => undefined, 1_000),
	'has, known id, 1,000 sessions': lookUp,
	'create + delete, with 1,000 other sessions': createAndDelete(1_000, (turn) => copy(`new ${turn}`)),
	'create + delete of the same id, with 10,000 other sessions': createAndDelete(10_000, () => 'again'),
	'notify 10 of 10,000 registrations': notify,
	'create + close a registration with 10,000 URIs': register,
};

const { commit, node, platform, cpu, cores } = describeEnvironment();
console.log(`Commit ${commit}, Node.js ${node}, ${platform}, ${cpu}, ${cores} cores`);
console.log('\n| | upstream | JavaScript core | native core | upstream / JavaScript | upstream / native |');
console.log('| --- | --- | --- | --- | --- | --- |');
await withCopies(['native', 'javascript'], async (folders) => {
	process.env.TMCP_NATIVE = 'require';
	const native = await load(folders.native);
	process.env.TMCP_NATIVE = 'off';
	const javascript = await load(folders.javascript);
	assert.deepEqual([native.isNative, javascript.isNative], [true, false]);
	for (const [name, prepare] of Object.entries(rows)) {
		const sides = { upstream: /** @type {any} */ (upstream), javascript, native };
		const turns = await Promise.all(
			Object.entries(sides).map(async ([side, library]) => [side, await prepare(library)]),
		);
		const samples = await interleave(Object.fromEntries(turns), BUDGET);
		const cells = ['upstream', 'javascript', 'native'].map((side) => time(spread(samples[side]).median));
		const compared = ['javascript', 'native'].map((side) => ratios(samples.upstream, samples[side]).median.toFixed(2));
		console.log(`| ${[name, ...cells, ...compared.map((ratio) => `**${ratio}x**`)].join(' | ')} |`);
	}
});

/**
 * @param {string} folder of a copy of the package
 * @returns {Promise<Package>}
 */
function load(folder) {
	return import(pathToFileURL(join(folder, 'lib', 'index.js')).href);
}

/**
 * Opens sessions whose controllers count the chunks.
 *
 * @param {Package} library
 * @param {number} number
 * @returns {{ streams: any, count: () => number, ids: string[] }}
 */
function open(library, number) {
	const streams = new library.InMemoryStreamSessionManager();
	const ids = makeIds(number);
	let chunks = 0;
	for (const id of ids)
		streams.create(
			id,
			controller(() => chunks++),
		);
	return { streams, count: () => chunks, ids };
}

/**
 * @param {() => void} onChunk
 * @returns {any} what a manager uses of a stream controller
 */
function controller(onChunk) {
	return { desiredSize: 1, enqueue: onChunk, close() {} };
}

/**
 * @param {number} sessions
 * @param {(ids: string[], turn: number) => string[] | undefined} choose
 * @param {number} recipients of each message
 */
function sendTo(sessions, choose, recipients) {
	return (/** @type {Package} */ library) => {
		const { streams, count, ids } = open(library, sessions);
		const times = Math.max(20, Math.floor(20_000 / recipients));
		const lists = Array.from({ length: times }, (_, turn) => choose(ids, turn));
		return async () => {
			const before = count();
			const start = performance.now();
			for (const list of lists) streams.send(list, TEXT);
			const ns = nsPerOperation(start, times);
			assert.equal(count() - before, times * recipients);
			return ns;
		};
	};
}

/** @param {Package} library */
function lookUp(library) {
	const { streams, ids } = open(library, 1_000);
	const asked = ids.map(copy);
	return async () => {
		const start = performance.now();
		/** @type {Promise<boolean>[]} */
		const found = [];
		for (const id of asked) found.push(streams.has(id));
		const ns = nsPerOperation(start, asked.length);
		assert.ok((await Promise.all(found)).every(Boolean));
		return ns;
	};
}

/**
 * @param {number} others
 * @param {(turn: number) => string} id
 */
function createAndDelete(others, id) {
	return (/** @type {Package} */ library) => {
		const { streams } = open(library, others);
		const ignoring = controller(() => {});
		return async () => {
			const ids = Array.from({ length: 2_000 }, (_, turn) => id(turn));
			const start = performance.now();
			for (const each of ids) {
				streams.create(each, ignoring);
				streams.delete(each);
			}
			const ns = nsPerOperation(start, ids.length);
			assert.equal(await streams.has(ids[0]), false);
			return ns;
		};
	};
}

/** @param {Package} library */
async function notify(library) {
	const manager = new library.InMemorySubscriptionManager();
	let received = 0;
	for (let id = 0; id < 10_000; id++) {
		const uris = [id % 1_000 === 0 ? 'file:///watched' : 'file:///another'];
		await manager.create(
			registration(id, `origin ${id % 100}`, uris),
			callbacks(() => received++),
		);
	}
	const params = { uri: 'file:///watched' };
	const notification = /** @type {any} */ ({ jsonrpc: '2.0', method: 'notifications/resources/updated', params });
	return async () => {
		const before = received;
		const start = performance.now();
		for (let turn = 0; turn < 20; turn++) await manager.send(notification);
		const ns = nsPerOperation(start, 20);
		assert.equal(received - before, 200);
		return ns;
	};
}

/** @param {Package} library */
function register(library) {
	const manager = new library.InMemorySubscriptionManager();
	const uris = Array.from({ length: 10_000 }, (_, index) => `file:///${index}`);
	return async () => {
		const start = performance.now();
		assert.equal(
			await manager.create(
				registration(1, 'origin', uris),
				callbacks(() => {}),
			),
			true,
		);
		assert.equal(await manager.close(1, 'origin', 'closed'), true);
		return nsPerOperation(start, 1);
	};
}

/**
 * @param {number} id
 * @param {string} origin
 * @param {string[]} uris
 */
function registration(id, origin, uris) {
	return { id, origin, filters: { resourceSubscriptions: uris } };
}

/** @param {() => void} send */
function callbacks(send) {
	return { acknowledge() {}, send, close() {} };
}
