// `send`: for each number of sessions, kind of target and text, the answers first, then the time.

import { asciiTexts, cjkText } from '../harness/test-data.mjs';
import { populate } from './session-set.mjs';
import { collectAll, collectYoung, interleave } from '../harness/interleave.mjs';
import { titles } from '../harness/implementations.mjs';
import { ratios, spread } from '../harness/stats.mjs';

/** @typedef {import('../harness/implementations.mjs').SideName} SideName */
/** @typedef {import('./session-set.mjs').Crowd} Crowd */
/** @typedef {import('./session-set.mjs').Population} Population */
/** @typedef {import('../harness/test-data.mjs').Text} Text */

/** @typedef {'everyone' | 'one' | 'a tenth'} Kind */

/**
 * @typedef {object} Target of one `send`
 * @property {string[] | undefined} list
 * @property {number[]} places of its sessions
 */

/**
 * @typedef {object} Cell
 * @property {string} name
 * @property {number} sessions
 * @property {Kind} kind
 * @property {Text} text
 * @property {boolean} cold whether what is sent to has been idle while other sides had their turns
 */

/** @type {SideName[]} */
const SIDES = ['old', 'upstream', 'ours', 'floor'];
const SESSIONS = [1, 2, 10, 100, 1_000, 10_000];
const QUICK_SESSIONS = [1, 100, 1_000];

const MOST_SENDS = 64;
const MOST_DELIVERIES = 256;
const MOST_BATCHES = 8;
const MANY_READS = 5_000;
const MOST_BATCH_NS = 20e6;
const MOST_TURN_NS = 2e6;
const MOST_WARM_UP_NS = 100e6;
const MOST_BATCH_BYTES = 16 * 2 ** 20;
const MOST_YOUNG_BYTES = 4 * 2 ** 20;

/**
 * @param {boolean} quick
 * @returns {Cell[]}
 */
export function sendCells(quick) {
	const cells = [];
	for (const sessions of quick ? QUICK_SESSIONS : SESSIONS) {
		/** @type {Kind[]} */
		const kinds = sessions < 10 ? ['everyone', 'one'] : ['everyone', 'one', 'a tenth'];
		for (const text of quick ? asciiTexts.slice(0, 2) : asciiTexts) {
			for (const kind of kinds) cells.push(cell(sessions, kind, text));
		}
		// A server's sessions are mostly idle, so the caches that the other rows warm are not always warm.
		if (sessions >= 1_000) cells.push(cell(sessions, 'one', asciiTexts[0], true));
		if (sessions === 1 || sessions === 100) {
			cells.push(cell(sessions, 'everyone', cjkText), cell(sessions, 'one', cjkText));
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
	const name = `send ${text.name} to ${kind} of ${sessions.toLocaleString('en')}${cold ? ', caches cold' : ''}`;
	return { name, sessions, kind, text, cold };
}

/**
 * @param {Cell[]} cells
 * @param {import('../harness/interleave.mjs').Budget} budget
 * @param {(line: string) => void} log
 */
export async function measureSends(cells, budget, log) {
	const results = [];
	/** @type {Population | undefined} */
	let population;
	for (const cell of cells) {
		if (population?.ids.length !== cell.sessions) {
			population = undefined;
			collectAll();
			population = populate(cell.sessions);
		}
		const result = await measureCell(cell, population, budget);
		log(`${cell.name}: ${result.vsUpstream.median.toFixed(2)}x of upstream (${result.rounds} rounds)`);
		results.push(result);
	}
	return results;
}

/**
 * @param {Cell} cell
 * @param {Population} population
 * @param {import('../harness/interleave.mjs').Budget} budget
 */
async function measureCell({ name, sessions, kind, text, cold }, population, budget) {
	const targets = targetsOf(kind, population.ids);
	for (const side of SIDES) await checkAnswers(titles[side], population.crowds[side], targets[0], text);

	const plan = planOf(sessions, kind, text, cold);
	// Another one each time, as far as there are others.
	const batch = Array.from({ length: plan.sends }, (_, index) => targets[index % targets.length]);
	/** @param {SideName} side */
	const turn = (side) => () => timeTurn(population.crowds[side], batch, text, plan);
	const samples = await interleave(
		{ old: turn('old'), upstream: turn('upstream'), ours: turn('ours'), floor: turn('floor') },
		budget,
		plan.clean,
	);
	for (const side of SIDES) checkEmpty(titles[side], population.crowds[side]);
	return {
		name,
		sessions,
		kind,
		text: text.name,
		cold,
		targets: targets[0].places.length,
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

/**
 * @param {Kind} kind
 * @param {string[]} ids
 * @returns {Target[]}
 */
export function targetsOf(kind, ids) {
	const places = ids.map((_, place) => place);
	if (kind === 'everyone') return [{ list: undefined, places }];
	if (kind === 'a tenth') {
		const tenth = places.filter((place) => place % 10 === 5);
		return [{ list: tenth.map((place) => ids[place]), places: tenth }];
	}
	// Spread over all sessions, since upstream and ours might favour the first or the last.
	const count = Math.min(ids.length, MOST_SENDS);
	return places.slice(0, count).map((index) => {
		const place = Math.floor(((index + 0.5) * ids.length) / count);
		return { list: [ids[place]], places: [place] };
	});
}

/**
 * How many sends are timed at once, how often in one turn, and what to collect between turns. The guess at upstream's
 * cost keeps its slow cells from taking all the time, and the buffers it makes from filling the memory.
 *
 * @param {number} sessions
 * @param {Kind} kind
 * @param {Text} text
 * @param {boolean} cold
 */
export function planOf(sessions, kind, text, cold) {
	const targets = kind === 'one' ? 1 : kind === 'everyone' ? sessions : sessions / 10;
	const bytes = targets * text.bytes.length;
	const compared = kind === 'everyone' ? 0 : sessions * targets;
	const ns = sessions * 15 + compared * 2.5 + targets * 1000 + bytes * 0.3;
	const sends = clamp(Math.min(MOST_DELIVERIES / targets, MOST_BATCH_BYTES / bytes, MOST_BATCH_NS / ns), MOST_SENDS);
	const batches = cold
		? 1
		: clamp(Math.min(MOST_TURN_NS / (sends * ns), MOST_YOUNG_BYTES / (sends * bytes)), MOST_BATCHES);
	const warmUp = !cold && sends * ns < MOST_WARM_UP_NS;
	const clean = sends * batches * bytes > MOST_YOUNG_BYTES ? collectAll : collectYoung;
	return { sends, batches, warmUp, clean };
}

/**
 * @param {number} number
 * @param {number} most
 */
function clamp(number, most) {
	return Math.max(1, Math.min(most, Math.floor(number)));
}

/**
 * Every session has got exactly what it should, and nobody else anything. With nobody reading yet, `desiredSize` tells
 * how many chunks a stream was given.
 *
 * @param {string} title
 * @param {Crowd} crowd
 * @param {Target} target
 * @param {Text} text
 */
export async function checkAnswers(title, crowd, target, text) {
	timeSends(crowd, [target], text);
	await checkDelivered(title, crowd, target, text);
}

/**
 * The same of what has been sent before.
 *
 * @param {string} title
 * @param {Crowd} crowd
 * @param {Target} target
 * @param {Text} text
 */
export async function checkDelivered(title, crowd, target, text) {
	const wanted = new Set(target.places);
	for (const [place, { desiredSize }] of crowd.controllers.entries()) {
		if (desiredSize !== (wanted.has(place) ? 0 : 1)) {
			throw new Error(`${title}: session ${place} has ${1 - Number(desiredSize)} chunks`);
		}
	}
	for (const place of target.places) {
		const { value } = await crowd.readers[place].read();
		if (!(value instanceof Uint8Array) || Buffer.compare(value, text.bytes) !== 0) {
			throw new Error(`${title}: session ${place} got other bytes`);
		}
	}
	checkEmpty(title, crowd);
}

/**
 * @param {string} title
 * @param {Crowd} crowd
 */
export function checkEmpty(title, crowd) {
	const place = crowd.controllers.findIndex(({ desiredSize }) => desiredSize !== 1);
	if (place !== -1) throw new Error(`${title}: session ${place} has chunks nobody sent`);
}

/**
 * One side's turn: nanoseconds a send.
 *
 * @param {Crowd} crowd
 * @param {Target[]} batch
 * @param {Text} text
 * @param {{ batches: number, warmUp: boolean }} plan
 */
export async function timeTurn(crowd, batch, text, { batches, warmUp }) {
	let total = 0;
	// One batch more than is counted: it takes the caches back from the other sides and the garbage collector.
	for (let index = warmUp ? 0 : 1; index <= batches; index++) {
		const reads = batch.flatMap(({ places }) => places.map((place) => crowd.readers[place].read()));
		if (reads.length >= MANY_READS) {
			// So many reads fill the young space, and moving them about would be most of what the clock shows. Readers have
			// mostly waited for long: what survives two collections is old, and stays where it is.
			collectYoung();
			collectYoung();
		}
		const ms = timeSends(crowd, batch, text);
		if (index > 0) total += ms;
		for (const read of reads) {
			const { value } = await read;
			if (value.byteLength !== text.bytes.length) throw new Error('a chunk of another length');
		}
	}
	return (total * 1e6) / (batches * batch.length);
}

/**
 * The only thing on the clock, in milliseconds.
 *
 * @param {Crowd} crowd
 * @param {Target[]} batch
 * @param {Text} text
 */
function timeSends({ manager, controllers }, batch, text) {
	if (manager === undefined) return timeFloor(controllers, batch, text);
	const start = performance.now();
	for (const { list } of batch) manager.send(list, text.value);
	return performance.now() - start;
}

/**
 * @param {ReadableStreamDefaultController[]} controllers
 * @param {Target[]} batch
 * @param {Text} text
 */
function timeFloor(controllers, batch, text) {
	const chunk = new Uint8Array(text.bytes);
	const sends = batch.map(({ places }) => places.map((place) => controllers[place]));
	const start = performance.now();
	for (const fed of sends) {
		for (const controller of fed) controller.enqueue(chunk);
	}
	return performance.now() - start;
}
