// The MCP conformance suite with all its server scenarios, against a tmcp server over HttpTransport: once with upstream's
// managers, and once with ours. A check that fails with both has no relation to the managers. Those checks are printed.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { check, scenarios } from './support/conformance.js';
import { makeConformanceServer } from './support/conformance-server.js';
import { ours, upstreams } from './support/installations.js';
import { listen } from './support/listener.js';

/** @typedef {import('./support/conformance.js').Row} Row */

/** @type {Row[]} */
let theirs;
/** @type {Row[]} */
let mine;

before(
	async () => {
		// Not in parallel: some scenarios measure time.
		theirs = await rowsOf(upstreams);
		mine = await rowsOf(ours);
	},
	{ timeout: 120_000 },
);

test('every scenario was run and has results', async () => {
	const wanted = (await scenarios()).sort();
	assert.ok(wanted.length >= 32);
	for (const rows of [theirs, mine])
		assert.deepEqual([...new Set(rows.map(({ scenario }) => scenario))].sort(), wanted);
});

test('every check has the same status with our managers and with upstream’s', (t) => {
	assert.deepEqual(mine.map(line), theirs.map(line));
	t.diagnostic(`${mine.length} checks each: ${counts(mine)}`);
});

test('the same checks fail with our managers and with upstream’s, for the same reasons', (t) => {
	assert.deepEqual(unsuccessful(mine), unsuccessful(theirs));
	for (const row of unsuccessful(theirs)) t.diagnostic(`fails with both: ${row}`);
});

test('nearly all checks succeed, so that equal results are meaningful', () => {
	assert.ok(theirs.filter(({ status }) => status === 'SUCCESS').length >= 40, counts(theirs));
});

/** @param {import('./support/installations.js').Installation} installation */
async function rowsOf(installation) {
	const transport = new installation.HttpTransport(makeConformanceServer(installation), {
		path: '/mcp',
		allowedOrigins: [],
	});
	const listener = await listen(transport);
	try {
		return await check(`${listener.origin}/mcp`);
	} finally {
		await listener.close();
	}
}

/** @param {Row} row */
function line({ scenario, id, status }) {
	return `${scenario} / ${id}: ${status}`;
}

/** @param {Row[]} rows */
function unsuccessful(rows) {
	const bad = rows.filter(({ status }) => status !== 'SUCCESS' && status !== 'INFO');
	return bad.map((row) => `${line(row)} (${row.message})`);
}

/** @param {Row[]} rows */
function counts(rows) {
	const statuses = [...new Set(rows.map(({ status }) => status))].sort();
	return statuses.map((status) => `${rows.filter((row) => row.status === status).length} ${status}`).join(', ');
}
