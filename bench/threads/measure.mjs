// From the main thread to sessions of worker threads: time until the last byte of a burst was read there, for each number of
// sessions, target, text and size of the burst.

import { numberedEvent } from '../harness/events.mjs';
import { interleave } from '../harness/interleave.mjs';
import { ratios, spread } from '../harness/stats.mjs';
import { asciiTexts, sessionCount } from '../harness/test-data.mjs';
import { CHANNELS } from './channels.mjs';
import { WorkerPool } from './worker-pool.mjs';

/** @typedef {import('./channels.mjs').Channel} Channel */
/** @typedef {import('../harness/stats.mjs').Spread} Spread */
/** @typedef {import('../harness/test-data.mjs').Text} Text */
/** @typedef {import('../harness/interleave.mjs').Budget} Budget */
/** @typedef {import('../streams/send-timing.mjs').Target} Target */

/** @typedef {'all' | 'one' | 'all by id'} Kind */

/**
 * `one at a time`: a burst is sent when the last byte of the previous one was read. It wakes threads that sleep.
 * `back to back`: a burst is sent in each turn of the sender's event loop. The threads are awake most of the time.
 *
 * @typedef {'one at a time' | 'back to back'} Pace
 */

/**
 * @typedef {object} Cell
 * @property {string} name
 * @property {number} workers
 * @property {number} sessions per worker
 * @property {Kind} kind
 * @property {Text} text
 * @property {number} burst number of messages that are sent together
 * @property {Pace} pace
 */

/** @type {Pace[]} */
const PACES = ['one at a time', 'back to back'];
const [short, long] = asciiTexts;

/** Share of the budget: there are many cells. */
const BUDGET_SHARE = 0.5;
const MAX_BURSTS = 8;
const MAX_DELIVERIES = 256;
const MIN_BACK_TO_BACK_BURSTS = 4;
const MAX_BACK_TO_BACK_BURSTS = 64;
const MAX_BACK_TO_BACK_DELIVERIES = 2_000;

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
		const kinds = sessions === 1 ? ['all', 'one'] : ['all', 'one', 'all by id'];
		for (const pace of PACES) {
			for (const kind of kinds) {
				for (const burst of bursts) cells.push(cell(1, sessions, kind, short, burst, pace));
				if (!quick) cells.push(cell(1, sessions, kind, long, 10, pace));
			}
		}
	}
	for (const sessions of [1, 10]) {
		for (const pace of PACES) {
			for (const burst of bursts) cells.push(cell(4, sessions, 'all', short, burst, pace));
			if (!quick) cells.push(cell(4, sessions, 'all', long, 10, pace));
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
	const count = sessionCount(sessions);
	const target = kind === 'all by id' ? `all ${count} by id` : `${kind} of ${count}`;
	const where = workers === 1 ? 'in a worker thread' : `in each of ${workers} worker threads`;
	const bursts = burst === 1 ? 'single messages' : `bursts of ${burst}`;
	const name = `${text.name} to ${target} ${where}, ${bursts}, ${pace}`;
	return { name, workers, sessions, kind, text, burst, pace };
}

/**
 * @param {Cell[]} cells
 * @param {Budget} budget
 * @param {(line: string) => void} log
 */
export async function measureThreads(cells, budget, log) {
	const results = [];
	/** @type {WorkerPool | undefined} */
	let pool;
	try {
		for (const cell of cells) {
			if (pool?.ids.length !== cell.workers || pool.ids[0].length !== cell.sessions) {
				await pool?.stop();
				pool = await WorkerPool.start(cell.workers, cell.sessions);
			}
			const result = await measureCell(cell, pool, { ...budget, ms: budget.ms * BUDGET_SHARE });
			const [broadcastChannel, messagePort] = [result.vsBroadcastChannel, result.vsMessagePort].map(({ median }) =>
				median.toFixed(2),
			);
			log(
				`threads: ${cell.name}: ${broadcastChannel}x as fast as BroadcastChannel, ${messagePort}x as fast as MessagePort ` +
					`(${result.rounds} rounds)`,
			);
			results.push(result);
		}
	} finally {
		await pool?.stop();
	}
	return results;
}

/**
 * @param {Cell} cell
 * @param {WorkerPool} pool
 * @param {Budget} budget
 */
async function measureCell(cell, pool, budget) {
	const { name, workers, sessions, kind, text, burst, pace } = cell;
	const targets = targetsOf(kind, pool.ids, burst);
	await pool.instruct({ floor: { targets: targets.map(({ indexes }) => indexes), data: text.value } });
	for (const channel of CHANNELS) await checkDelivery(channel, pool, targets, text);

	const deliveries = burst * targets[0].indexes.length;
	const plan = planOf(pace, deliveries * workers);
	/** @type {Record<Channel, number[]>} */
	const sending = { broadcastChannel: [], messagePort: [], ours: [], floor: [] };
	/** @param {Channel} channel */
	const turn = (channel) => async () => {
		// Not counted: fills the caches again after the other channels and the garbage collection.
		const bytes = deliveries * text.bytes.length;
		await pool.instruct({ bytes, collect: true });
		await pool.deliver(channel, targets, text.value);
		if (plan.backToBack > 1) await pool.instruct({ bytes: bytes * plan.backToBack });

		const total = { wholeNs: 0, sendNs: 0 };
		for (let index = 0; index < plan.times; index++) {
			const { wholeNs, sendNs } = await pool.deliver(channel, targets, text.value, plan.backToBack);
			total.wholeNs += wholeNs;
			total.sendNs += sendNs;
		}
		const count = plan.times * plan.backToBack;
		sending[channel].push(total.sendNs / (count * burst));
		return total.wholeNs / count;
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
	// Fails when more has arrived than was sent.
	await pool.instruct({});

	const rounds = whole.ours.length;
	// Drops the samples of the warm-up rounds, which came first.
	for (const channel of CHANNELS) sending[channel] = sending[channel].slice(-rounds);
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
		/** Time per burst, until its last byte was read. */
		ns: spreads(whole),
		vsBroadcastChannel: ratios(whole.broadcastChannel, whole.ours),
		vsMessagePort: ratios(whole.messagePort, whole.ours),
		vsFloor: ratios(whole.ours, whole.floor),
		/** Time per message within `send` or `postMessage`. */
		sending: {
			ns: spreads(sending),
			vsBroadcastChannel: ratios(sending.broadcastChannel, sending.ours),
			vsMessagePort: ratios(sending.messagePort, sending.ours),
		},
	};
}

/** @param {Record<Channel, number[]>} samples */
function spreads({ broadcastChannel, messagePort, ours, floor }) {
	return {
		broadcastChannel: spread(broadcastChannel),
		messagePort: spread(messagePort),
		ours: spread(ours),
		floor: spread(floor),
	};
}

/**
 * Returns the target of each message of a burst. An index stands for one session in each worker.
 *
 * @param {Kind} kind
 * @param {string[][]} ids
 * @param {number} burst
 * @returns {Target[]}
 */
function targetsOf(kind, ids, burst) {
	const indexes = ids[0].map((_, index) => index);
	return Array.from({ length: burst }, (_, nth) => {
		if (kind === 'all') return { ids: undefined, indexes };
		if (kind === 'all by id') return { ids: ids.flat(), indexes };
		// From the middle on: an implementation may be faster for the first or the last ones.
		const index = (nth + (indexes.length >> 1)) % indexes.length;
		return { ids: ids.map((own) => own[index]), indexes: [index] };
	});
}

/**
 * Returns how many bursts are sent back to back, and how often in one turn.
 *
 * @param {Pace} pace
 * @param {number} deliveries of a burst
 */
function planOf(pace, deliveries) {
	if (pace === 'one at a time') {
		return { times: Math.max(1, Math.min(MAX_BURSTS, Math.floor(MAX_DELIVERIES / deliveries))), backToBack: 1 };
	}
	const bursts = Math.floor(MAX_BACK_TO_BACK_DELIVERIES / deliveries);
	return { times: 1, backToBack: Math.max(MIN_BACK_TO_BACK_BURSTS, Math.min(MAX_BACK_TO_BACK_BURSTS, bursts)) };
}

/**
 * Checks that each session receives exactly its messages, in order, and no other.
 *
 * @param {Channel} channel
 * @param {WorkerPool} pool
 * @param {Target[]} targets
 * @param {Text} text
 */
async function checkDelivery(channel, pool, targets, { value }) {
	// The floor has one text only. The other channels send numbered messages first, and then the burst that is timed.
	const isFloor = channel === 'floor';
	const numbered = isFloor ? [] : targets.map((_, nth) => numberedEvent(nth));
	/** @type {[Target[], string][]} */
	const bursts = numbered.map((text, nth) => [[targets[nth]], text]);
	bursts.push([targets, value]);
	const expected = pool.ids.map((own) =>
		own.map((_, index) => {
			const isTarget = targets.map(({ indexes }) => indexes.includes(index));
			return [...numbered.filter((_, nth) => isTarget[nth]), ...isTarget.filter(Boolean).map(() => value)].join('');
		}),
	);
	await pool.check(channel, bursts, expected);
}
