// Receives the numbers from the server, and shows them in tiles, charts and bars.

import { Chart } from './chart.js';
import { bytes, count, rate } from './format.js';
import { History } from './history.js';

/** @import { Sample } from '../numbers.mjs' */

/** Delay before the page connects again when the browser does not do so. */
const RETRY_MS = 1_000;
/** The reasons for which the server ends a stream with an error. */
const FAILURES = ['slow', 'dead', 'overflow'];

const history = new History();
const charts = {
	sessions: new Chart(element('sessions-chart'), { format: count, minimumTop: 5 }),
	messages: new Chart(element('messages-chart'), { format: rate, minimumTop: 5, unit: '/s' }),
	bytes: new Chart(element('bytes-chart'), { format: bytes, minimumTop: 1_000, unit: '/s' }),
	queued: new Chart(element('queued-chart'), { format: bytes, minimumTop: 1_000 }),
};
const numbers = element('numbers');
const status = element('status');
/** @type {Map<string, HTMLElement>} */
const reasons = new Map();
for (const row of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('[data-reason]'))) {
	reasons.set(String(row.dataset.reason), row);
}

connect();

function connect() {
	const source = new EventSource('/numbers');
	source.addEventListener('open', () => showStatus('live', 'Live'));
	source.addEventListener('error', () => {
		showStatus('waiting', 'Reconnecting');
		// The browser does not reconnect after a response that is not a stream, such as the 503 of a server that stops.
		if (source.readyState === EventSource.CLOSED) setTimeout(connect, RETRY_MS);
	});
	// After a restart of the server, its history is shorter than that of the page.
	source.addEventListener('history', ({ data }) => {
		history.replace(JSON.parse(data));
		show();
	});
	source.addEventListener('numbers', ({ data }) => {
		history.add(JSON.parse(data));
		show();
	});
}

/**
 * @param {'live' | 'waiting'} state
 * @param {string} text
 */
function showStatus(state, text) {
	/** @type {HTMLElement} */ (status.parentElement).dataset.state = state;
	status.textContent = text;
	numbers.toggleAttribute('data-stale', state !== 'live');
}

function show() {
	const { last, times, curves } = history;
	if (last === undefined) return;
	showTiles(last);
	showReasons(last.closed);
	for (const [name, chart] of Object.entries(charts)) {
		chart.draw(times, curves[/** @type {keyof typeof charts} */ (name)]);
	}
	// The time of these numbers, set last: the tests wait for it.
	numbers.dataset.at = String(last.at);
}

/** @param {Sample} sample */
function showTiles({ sessions, messages, bytes: sent, queuedBytes, dropped, closed }) {
	const total = sum(Object.values(closed));
	const failed = sum(FAILURES.map((reason) => closed[/** @type {keyof typeof closed} */ (reason)]));
	const texts = {
		sessions: count(sessions),
		'sessions-note': `peak ${count(history.peak('sessions'))} in 2 min`,
		messages: rate(history.curves.messages.at(-1) ?? 0),
		'messages-note': `${count(messages)} since start`,
		bytes: bytes(Math.round(history.curves.bytes.at(-1) ?? 0)),
		'bytes-note': `${bytes(sent)} since start`,
		queued: bytes(queuedBytes),
		dropped: count(dropped),
		closed: count(total),
		'closed-note': `${count(failed)} with an error`,
	};
	for (const [id, text] of Object.entries(texts)) element(id).textContent = text;
}

/** @param {Sample['closed']} closed */
function showReasons(closed) {
	const largest = Math.max(1, ...Object.values(closed));
	for (const [reason, number] of Object.entries(closed)) {
		const row = reasons.get(reason);
		if (row === undefined) continue;
		row.style.setProperty('--share', String(number / largest));
		/** @type {HTMLElement} */ (row.querySelector('dd')).textContent = count(number);
	}
}

/** @param {number[]} values */
function sum(values) {
	return values.reduce((total, value) => total + value, 0);
}

/** @param {string} id */
function element(id) {
	return /** @type {HTMLElement} */ (document.getElementById(id));
}
