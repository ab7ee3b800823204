// For the docs: the chosen rows of worker threads.

import { factor, perSecond, table, time } from '../format.mjs';

/** @typedef {import('../results.mjs').Results} Results */

const CHOSEN = [
	'100 B to one of 1 session in a worker thread, single messages, one at a time',
	'100 B to one of 1 session in a worker thread, bursts of 10, one at a time',
	'100 B to one of 1 session in a worker thread, single messages, back to back',
	'100 B to one of 1 session in a worker thread, bursts of 10, back to back',
	'100 B to one of 1 session in a worker thread, bursts of 100, back to back',
	'100 B to all of 10 sessions in a worker thread, bursts of 10, back to back',
	'4 KB to all of 10 sessions in a worker thread, bursts of 10, back to back',
];

const CHOSEN_BROADCAST = '100 B to all of 10 sessions in each of 4 worker threads, bursts of 100, back to back';

const CHANNELS = /** @type {const} */ (['broadcastChannel', 'messagePort', 'ours']);
const HEAD = ['', 'BroadcastChannel', 'MessagePort', 'this package'];

/** @param {Results} results */
export function threadFigures({ threads, singleThreadScope }) {
	if (threads.length === 0) return [];
	const chosen = threads.filter(({ name }) => CHOSEN.includes(name));
	const broadcast = threads.filter(({ name }) => name === CHOSEN_BROADCAST);
	return [
		...table(
			[...HEAD, 'BroadcastChannel / this package', 'MessagePort / this package'],
			chosen.map(({ name, ns, vsBroadcastChannel, vsMessagePort }) => [
				name,
				...CHANNELS.map((channel) => time(ns[channel].median)),
				`**${factor(vsBroadcastChannel.median)}**`,
				`**${factor(vsMessagePort.median)}**`,
			]),
		),
		...broadcast.flatMap(({ name, deliveries, ns, sending }) => [
			'',
			`${name}:`,
			'',
			...table(HEAD, [
				['time in `send` per broadcast', ...CHANNELS.map((channel) => time(sending.ns[channel].median))],
				['messages read per second', ...CHANNELS.map((channel) => perSecond(deliveries, ns[channel].median))],
			]),
		]),
		...scopeSentence(singleThreadScope),
	];
}

/** @param {Results['singleThreadScope']} rows */
function scopeSentence(rows) {
	if (rows.length === 0) return [];
	const ratios = rows.map(({ vsPlain }) => vsPlain.median);
	const range = `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`;
	return ['', `In a scope without other threads, \`send\` takes ${range} times as long as without a scope.`];
}
