// From the main thread to the sessions of worker threads: for each number of them, kind of target, text and burst, the
// answers first, then the time until the last byte was read.

import { message } from '../harness/events.mjs';
import { asciiTexts } from '../harness/test-data.mjs';
import { interleave } from '../harness/interleave.mjs';
import { ratios, spread } from '../harness/stats.mjs';
import { Crew } from './worker-pool.mjs';
import { WAYS } from './channels.mjs';

/** @typedef {import('./channels.mjs').WayName} WayName */
/** @typedef {import('../harness/stats.mjs').Spread} Spread */
/** @typedef {import('../harness/test-data.mjs').Text} Text */
/** @typedef {import('../harness/interleave.mjs').Budget} Budget */
/** @typedef {import('../streams/send.mjs').Target} Target */

/** @typedef {'everyone' | 'one' | 'all by id'} Kind */

/**
 * With `one at a time`, a burst goes out when the last byte of the one before has been read: it wakes threads that sleep.
 * With `back to back`, the next one goes out in the next turn of the sender's event loop: threads are mostly awake.
 *
 * @typedef {'one at a time' | 'back to back'} Pace
 */

/**
 * @typedef {object} Cell
 * @property {string} name
 * @property {number} workers
 * @property {number} sessions of each worker
 * @property {Kind} kind
 * @property {Text} text
 * @property {number} burst how many messages are sent in one go
 * @property {Pace} pace
 */

/** @type {Pace[]} */
const PACES = ['one at a time', 'back to back'];
const [short, long] = asciiTexts;

// There are many rows, and ratios that lie close together.
const SHARE = 0.5;
const MOST_BURSTS = 8;
const MOST_DELIVERIES = 256;
const LEAST_BURSTS_ON_END = 4;
const MOST_BURSTS_ON_END = 64;
const MOST_DELIVERIES_ON_END = 2_000;

/**
 * @param {boolean} quick
 * @returns {Cell[]}
 */
export function threadCells(quick) {
	const bursts = quick ? [10] : [1, 10, 100];
	/** @type {Cell[]} */
	const cells = [];
	for (const sessions of [1, 10]) {
		/** @type {Kind[]} */
		const kinds = sessions === 1 ? ['everyone', 'one'] : ['everyone', 'one', 'all by id'];
		for (const pace of PACES) {
			for (const kind of kinds) {
				for (const burst of bursts) cells.push(cell(1, sessions, kind, short, burst, pace));
				if (!quick) cells.push(cell(1, sessions, kind, long, 10, pace));
			}
		}
	}
	for (const sessions of [1, 10]) {
		for (const pace of PACES) {
			for (const burst of bursts) cells.push(cell(4, sessions, 'everyone', short, burst, pace));
			if (!quick) cells.push(cell(4, sessions, 'everyone', long, 10, pace));
		}
	}
	return cells;
}

/**
 * @param {number} workers
 * @param {number} sessions
 * @param {Kind} kind
 * @param {Text} text
 * @param {number} burst
 * @param {Pace} pace
 * @returns {Cell}
 */
function cell(workers, sessions, kind, text, burst, pace) {
	const whom = kind === 'all by id' ? `all ${sessions} by id` : `${kind} of ${sessions}`;
	const where = workers === 1 ? 'in a worker thread' : `in each of ${workers} worker threads`;
	const bursts = burst === 1 ? 'single messages' : `bursts of ${burst}`;
	const name = `${text.name} to ${whom} ${where}, ${bursts}, ${pace}`;
	return { name, workers, sessions, kind, text, burst, pace };
}

/**
 * @param {Cell[]} cells
 * @param {Budget} budget
 * @param {(line: string) => void} log
 */
export async function measureThreads(cells, budget, log) {
	const results = [];
	/** @type {Crew | undefined} */
	let crew;
	try {
		for (const cell of cells) {
			if (crew?.ids.length !== cell.workers || crew.ids[0].length !== cell.sessions) {
				await crew?.stop();
				crew = await Crew.start(cell.workers, cell.sessions);
			}
			const result = await measureCell(cell, crew, { ...budget, ms: budget.ms * SHARE });
			const { vsBroadcastChannel, vsMessagePort, rounds } = result;
			const factors = [vsBroadcastChannel, vsMessagePort].map(({ median }) => `${median.toFixed(2)}x`);
			log(`${cell.name}: ${factors.join(' of BroadcastChannel, ')} of MessagePort (${rounds} rounds)`);
			results.push(result);
		}
	} finally {
		await crew?.stop();
	}
	return results;
}

/**
 * @param {Cell} cell
 * @param {Crew} crew
 * @param {Budget} budget
 */
async function measureCell(cell, crew, budget) {
	const { name, workers, sessions, kind, text, burst, pace } = cell;
	const targets = targetsOf(kind, crew.ids, burst);
	await crew.order({ floor: { targets: targets.map(({ places }) => places), data: text.value } });
	for (const way of WAYS) await checkAnswers(way, crew, targets, text);

	const deliveries = burst * targets[0].places.length;
	const plan = planOf(pace, deliveries * workers);
	/** @type {Record<WayName, number[]>} */
	const sending = { broadcastChannel: [], messagePort: [], ours: [], floor: [] };
	/** @param {WayName} way */
	const turn = (way) => async () => {
		// Not counted: it takes the caches back from the other ways and the garbage collector.
		const bytes = deliveries * text.bytes.length;
		await crew.order({ bytes, collect: true });
		await crew.deliver(way, targets, text.value);
		if (plan.onEnd > 1) await crew.order({ bytes: bytes * plan.onEnd });

		const total = { whole: 0, sending: 0 };
		for (let index = 0; index < plan.times; index++) {
			const delivered = await crew.deliver(way, targets, text.value, plan.onEnd);
			total.whole += delivered.whole;
			total.sending += delivered.sending;
		}
		const count = plan.times * plan.onEnd;
		sending[way].push(total.sending / (count * burst));
		return total.whole / count;
	};
	const whole = await interleave(
		{
			broadcastChannel: turn('broadcastChannel'),
			messagePort: turn('messagePort'),
			ours: turn('ours'),
			floor: turn('floor'),
		},
		budget,
	);
	// Any that has come too late or twice.
	await crew.order({});

	const rounds = whole.ours.length;
	// The rounds that warmed up came first.
	for (const way of WAYS) sending[way] = sending[way].slice(-rounds);
	return {
		name,
		workers,
		sessions,
		kind,
		text: text.name,
		burst,
		pace,
		deliveries: deliveries * workers,
		rounds,
		ns: spreads(whole),
		vsBroadcastChannel: ratios(whole.broadcastChannel, whole.ours),
		vsMessagePort: ratios(whole.messagePort, whole.ours),
		vsFloor: ratios(whole.ours, whole.floor),
		sending: {
			ns: spreads(sending),
			vsBroadcastChannel: ratios(sending.broadcastChannel, sending.ours),
			vsMessagePort: ratios(sending.messagePort, sending.ours),
		},
	};
}

/** @param {Record<WayName, number[]>} samples */
function spreads({ broadcastChannel, messagePort, ours, floor }) {
	return {
		broadcastChannel: spread(broadcastChannel),
		messagePort: spread(messagePort),
		ours: spread(ours),
		floor: spread(floor),
	};
}

/**
 * Of each message of a burst.
 *
 * @param {Kind} kind
 * @param {string[][]} ids
 * @param {number} burst
 * @returns {Target[]}
 */
function targetsOf(kind, ids, burst) {
	const places = ids[0].map((_, place) => place);
	return Array.from({ length: burst }, (_, index) => {
		if (kind === 'everyone') return { list: undefined, places };
		if (kind === 'all by id') return { list: ids.flat(), places };
		// From the middle on, since upstream and ours might favour the first or the last. A place is one session a worker.
		const place = (index + (places.length >> 1)) % places.length;
		return { list: ids.map((own) => own[place]), places: [place] };
	});
}

/**
 * How many bursts go out on end, and how often in one turn.
 *
 * @param {Pace} pace
 * @param {number} deliveries of a burst
 */
function planOf(pace, deliveries) {
	if (pace === 'one at a time') {
		return { times: Math.max(1, Math.min(MOST_BURSTS, Math.floor(MOST_DELIVERIES / deliveries))), onEnd: 1 };
	}
	const bursts = Math.floor(MOST_DELIVERIES_ON_END / deliveries);
	return { times: 1, onEnd: Math.max(LEAST_BURSTS_ON_END, Math.min(MOST_BURSTS_ON_END, bursts)) };
}

/**
 * Every session has got exactly what was sent to it, in order, and nobody else anything.
 *
 * @param {WayName} way
 * @param {Crew} crew
 * @param {Target[]} targets
 * @param {Text} text
 */
async function checkAnswers(way, crew, targets, { value }) {
	// The floor knows one text only. The others get one that is told from the others, and then the one that is timed.
	const texts = targets.map((_, index) => (way === 'floor' ? value : message(index)));
	/** @type {[Target[], string][]} */
	const bursts = way === 'floor' ? [] : targets.map((target, index) => [[target], texts[index]]);
	bursts.push([targets, value]);
	const expected = crew.ids.map((own) =>
		own.map((_, place) => {
			const mine = targets.map(({ places }) => places.includes(place));
			const told = way === 'floor' ? [] : texts.filter((_, index) => mine[index]);
			return [...told, ...mine.filter(Boolean).map(() => value)].join('');
		}),
	);
	await crew.check(way, bursts, expected);
}
