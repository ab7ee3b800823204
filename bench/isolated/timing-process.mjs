// A process that measures cells with all implementations, interleaved. V8's optimizations and the memory layout stay as they
// are while a process lives, so processes.mjs starts several.

import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { sendResult } from '../harness/child-process.mjs';
import { collectAll } from '../harness/gc.mjs';
import { interleave } from '../harness/interleave.mjs';
import { copy, makeIds } from '../harness/test-data.mjs';
import { checkEmpty } from '../streams/send-timing.mjs';
import { emptySet, openSession } from '../streams/session-set.mjs';
import { OPTION_SETS } from './option-sets.mjs';
import { timingOf } from './timing.mjs';

/** @typedef {import('../harness/implementations.mjs').Manager} Manager */
/** @typedef {import('./processes.mjs').Isolated} Isolated */

/** @type {import('./processes.mjs').Order} */
const { implementations, cells, budget, first } = JSON.parse(process.argv[2]);

/** @type {Record<string, () => Manager | undefined>} */
const makeManager = {};
// The first one to be loaded is one or two percent faster, so each is the first in the same number of processes.
for (const [name, isolated] of rotate(Object.entries(implementations), first)) makeManager[name] = await load(isolated);

const samples = [];
for (const cell of cells) {
	collectAll();
	samples.push(await measure(cell));
}
sendResult(samples);

/**
 * @template T
 * @param {T[]} items
 * @param {number} by
 */
function rotate(items, by) {
	const first = by % items.length;
	return [...items.slice(first), ...items.slice(0, first)];
}

/** @param {Isolated} isolated */
async function load(isolated) {
	if (isolated === null) return () => undefined;
	const { href } = pathToFileURL(join(isolated.folder, 'lib', 'index.js'));
	const { InMemoryStreamSessionManager } = await import(href);
	const options = OPTION_SETS[isolated.options];
	return () => new InMemoryStreamSessionManager(options);
}

/** @param {import('./cells.mjs').Cell} cell */
async function measure(cell) {
	const ids = makeIds(cell.sessions);
	const sets = Object.entries(makeManager).map(([name, make]) => ({ name, set: emptySet(make()) }));
	// Alternating, and each is the first for the same number of sessions.
	for (const [index, id] of ids.entries()) {
		for (let nth = 0; nth < sets.length; nth++) openSession(sets[(index + nth) % sets.length].set, copy(id));
	}
	const { check, turn, clean } = timingOf(cell, ids);
	for (const { name, set } of sets) await check(name, set);
	const turns = Object.fromEntries(sets.map(({ name, set }) => [name, () => turn(set)]));
	const samples = await interleave(turns, budget, clean);
	for (const { name, set } of sets) checkEmpty(name, set);
	return samples;
}
