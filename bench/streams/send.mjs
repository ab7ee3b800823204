// `send` to streams of the same thread: one cell for each number of sessions, target and text.

import { collectAll } from '../harness/gc.mjs';
import { titles } from '../harness/implementations.mjs';
import { interleave } from '../harness/interleave.mjs';
import { ratios, spread } from '../harness/stats.mjs';
import { asciiTexts, cjkText, sessionCount } from '../harness/test-data.mjs';
import { checkEmpty, checkSend, planOf, targetsOf, timeTurn } from './send-timing.mjs';
import { openSessions } from './session-set.mjs';

/** @typedef {import('../harness/implementations.mjs').Implementation} Implementation */
/** @typedef {import('../harness/interleave.mjs').Budget} Budget */
/** @typedef {import('../harness/test-data.mjs').Text} Text */
/** @typedef {import('./send-timing.mjs').Kind} Kind */
/** @typedef {import('./session-set.mjs').Sessions} Sessions */

/**
 * @typedef {object} Cell
 * @property {string} name
 * @property {number} sessions
 * @property {Kind} kind
 * @property {Text} text
 * @property {boolean} cold true when the turn has no warm-up, so that the caches are those of the other implementations
 */

/** @type {Implementation[]} */
const IMPLEMENTATIONS = ['old', 'upstream', 'ours', 'floor'];
const SESSIONS = [1, 2, 10, 100, 1_000, 10_000];
const QUICK_SESSIONS = [1, 100, 1_000];

/**
 * @param {boolean} quick
 * @returns {Cell[]}
 */
export function sendCells(quick) {
	const cells = [];
	for (const sessions of quick ? QUICK_SESSIONS : SESSIONS) {
		/** @type {Kind[]} */
		const kinds = sessions < 10 ? ['all', 'one'] : ['all', 'one', 'a tenth'];
		for (const text of quick ? asciiTexts.slice(0, 2) : asciiTexts) {
			for (const kind of kinds) cells.push(cell(sessions, kind, text));
		}
		// Most sessions of a server are idle, so the caches are not always as warm as in the other rows.
		if (sessions >= 1_000) cells.push(cell(sessions, 'one', asciiTexts[0], true));
		if (sessions === 1 || sessions === 100) {
			cells.push(cell(sessions, 'all', cjkText), cell(sessions, 'one', cjkText));
		}
	}
	return cells;
}

/**
 * @param {number} sessions
 * @param {Kind} kind
 * @param {Text} text
 * @param {boolean} [cold]
 * @returns {Cell}
 */
function cell(sessions, kind, text, cold = false) {
	const name = `send ${text.name} to ${kind} of ${sessionCount(sessions)}${cold ? ', caches cold' : ''}`;
	return { name, sessions, kind, text, cold };
}

/**
 * @param {Cell[]} cells
 * @param {Budget} budget
 * @param {(line: string) => void} log
 */
export async function measureSends(cells, budget, log) {
	const results = [];
	/** @type {Sessions | undefined} */
	let sessions;
	for (const cell of cells) {
		if (sessions?.ids.length !== cell.sessions) {
			sessions = undefined;
			collectAll();
			sessions = openSessions(cell.sessions);
		}
		const result = await measureCell(cell, sessions, budget);
		log(`${cell.name}: ${result.vsUpstream.median.toFixed(2)}x as fast as upstream (${result.rounds} rounds)`);
		results.push(result);
	}
	return results;
}

/**
 * @param {Cell} cell
 * @param {Sessions} opened
 * @param {Budget} budget
 */
async function measureCell({ name, sessions, kind, text, cold }, { ids, sets }, budget) {
	const targets = targetsOf(kind, ids);
	for (const implementation of IMPLEMENTATIONS) {
		await checkSend(titles[implementation], sets[implementation], targets[0], text);
	}

	const plan = planOf(sessions, kind, text, cold);
	const batch = Array.from({ length: plan.sends }, (_, index) => targets[index % targets.length]);
	/** @param {Implementation} implementation */
	const turn = (implementation) => () => timeTurn(sets[implementation], batch, text, plan);
	const samples = await interleave(
		{ old: turn('old'), upstream: turn('upstream'), ours: turn('ours'), floor: turn('floor') },
		budget,
		plan.clean,
	);
	for (const implementation of IMPLEMENTATIONS) checkEmpty(titles[implementation], sets[implementation]);
	return {
		name,
		sessions,
		kind,
		text: text.name,
		cold,
		targets: targets[0].indexes.length,
		sendsPerBatch: plan.sends,
		rounds: samples.ours.length,
		ns: {
			old: spread(samples.old),
			upstream: spread(samples.upstream),
			ours: spread(samples.ours),
			floor: spread(samples.floor),
		},
		vsUpstream: ratios(samples.upstream, samples.ours),
		vsOld: ratios(samples.old, samples.ours),
		vsFloor: ratios(samples.ours, samples.floor),
	};
}
