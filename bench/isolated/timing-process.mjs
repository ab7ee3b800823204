// A process that measures cells: all sides in it, interleaved. Where V8 has come to optimise otherwise, or memory lies
// otherwise, it is for as long as the process lives; so there are several of these (price.mjs).

import { join as joinPath } from 'node:path';
import { pathToFileURL } from 'node:url';
import { copy, makeIds } from '../harness/test-data.mjs';
import { crowd, join } from '../streams/session-set.mjs';
import { collectAll, interleave } from '../harness/interleave.mjs';
import { checkEmpty } from '../streams/send.mjs';
import { OPTIONS } from './option-sets.mjs';
import { turnsOf } from './timing.mjs';

/** @typedef {import('../harness/implementations.mjs').Manager} Manager */
/** @typedef {{ folder: string, options: import('./option-sets.mjs').OptionName } | null} Side nothing: no manager */

/** @type {{ sides: Record<string, Side>, cells: import('./cells.mjs').Cell[], budget: import('../harness/interleave.mjs').Budget, first: number }} */
const { sides, cells, budget, first } = JSON.parse(process.argv[2]);

/** @type {Record<string, () => Manager | undefined>} */
const makers = {};
// Each is loaded first in as many processes: what comes later has a percent or two of disadvantage.
for (const [name, side] of rotated(Object.entries(sides), first)) makers[name] = await makerOf(side);

const samples = [];
for (const cell of cells) {
	collectAll();
	samples.push(await measure(cell));
}
process.send?.(samples, () => process.disconnect());

/**
 * @template T
 * @param {T[]} items
 * @param {number} by
 */
function rotated(items, by) {
	const first = by % items.length;
	return [...items.slice(first), ...items.slice(0, first)];
}

/** @param {Side} side */
async function makerOf(side) {
	if (side === null) return () => undefined;
	const { href } = pathToFileURL(joinPath(side.folder, 'lib', 'index.js'));
	const { InMemoryStreamSessionManager } = await import(href);
	const options = OPTIONS[side.options];
	return () => new InMemoryStreamSessionManager(options);
}

/** @param {import('./cells.mjs').Cell} cell */
async function measure(cell) {
	const ids = makeIds(cell.sessions);
	const crowds = Object.entries(makers).map(([name, make]) => ({ name, crowd: crowd(make()) }));
	// Side by side, and each as often the first: with few sessions by the order that they were loaded in.
	for (const [place, id] of ids.entries()) {
		for (let index = 0; index < crowds.length; index++) {
			join(crowds[(index + place) % crowds.length].crowd, copy(id));
		}
	}
	const { check, turn, clean } = turnsOf(cell, ids);
	for (const { name, crowd } of crowds) await check(name, crowd);
	const turns = Object.fromEntries(crowds.map(({ name, crowd }) => [name, () => turn(crowd)]));
	const samples = await interleave(turns, budget, clean);
	for (const { name, crowd } of crowds) checkEmpty(name, crowd);
	return samples;
}
