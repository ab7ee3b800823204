// What the page does: it listens to the numbers, and shows them in tiles, curves and bars.

import { Chart } from './chart.js';
import { bytes, count, rate } from './format.js';
import { History } from './history.js';

/** @import { Sample } from '../numbers.mjs' */

/** After which it asks again where the browser does not by itself. */
const RETRY_MS = 1_000;
/** The reasons that are the server's doing, to whom it had to. */
const FAILURES = ['slow', 'dead', 'overflow'];

const history = new History();
const charts = {
	sessions: new Chart(element('sessions-chart'), { format: count, least: 5 }),
	messages: new Chart(element('messages-chart'), { format: rate, least: 5, unit: '/s' }),
	bytes: new Chart(element('bytes-chart'), { format: bytes, least: 1_000, unit: '/s' }),
	queued: new Chart(element('queued-chart'), { format: bytes, least: 1_000 }),
};
const numbers = element('numbers');
const status = element('status');
/** @type {Map<string, HTMLElement>} */
const reasons = new Map();
for (const row of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('[data-reason]'))) {
	reasons.set(String(row.dataset.reason), row);
}

listen();

function listen() {
	const source = new EventSource('/numbers');
	source.addEventListener('open', () => say('live', 'Live'));
	source.addEventListener('error', () => {
		say('waiting', 'Reconnecting');
		// A browser gives up when it is answered by anything but a stream, as by a server that is stopping.
		if (source.readyState === EventSource.CLOSED) setTimeout(listen, RETRY_MS);
	});
	// All there is, which a server that was started anew has less of.
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
function say(state, text) {
	status.dataset.state = state;
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
	// When the numbers are of: the last thing to change.
	numbers.dataset.at = String(last.at);
}

/** @param {Sample} sample */
function showTiles({ sessions, watchers, messages, bytes: sent, queuedBytes, mailboxBytes, dropped, closed }) {
	const total = sum(Object.values(closed));
	const failed = sum(FAILURES.map((reason) => closed[/** @type {keyof typeof closed} */ (reason)]));
	const texts = {
		sessions: count(sessions),
		'sessions-note': `peak ${count(history.peak('sessions'))} · ${watchers} ${watchers === 1 ? 'dashboard' : 'dashboards'}`,
		messages: rate(history.curves.messages.at(-1) ?? 0),
		'messages-note': `${count(messages)} in all`,
		bytes: bytes(Math.round(history.curves.bytes.at(-1) ?? 0)),
		'bytes-note': `${bytes(sent)} in all`,
		queued: bytes(queuedBytes),
		'queued-note': `${bytes(mailboxBytes)} in the mailbox`,
		dropped: count(dropped),
		closed: count(total),
		'closed-note': `${count(failed)} were given up`,
	};
	for (const [id, text] of Object.entries(texts)) element(id).textContent = text;
}

/** @param {Sample['closed']} closed */
function showReasons(closed) {
	const most = Math.max(1, ...Object.values(closed));
	for (const [reason, number] of Object.entries(closed)) {
		const row = reasons.get(reason);
		if (row === undefined) continue;
		row.style.setProperty('--share', String(number / most));
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
