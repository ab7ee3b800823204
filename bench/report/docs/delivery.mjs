// For the docs: delivery to clients over HTTP, with native delivery and without it.

import { deliveryTitlesOf } from '../../harness/versions.mjs';
import { measuredOn, table, time } from '../format.mjs';

/** @typedef {import('../results.mjs').Results} Results */
/** @typedef {NonNullable<Results['delivery']>} DeliveryResults */
/** @typedef {import('../../delivery/side.mjs').SideName} SideName */

const LOCAL = /** @type {const} */ (['upstream', 'ours', 'native', 'betterSse', 'axum']);
const REMOTE = /** @type {const} */ (['upstream', 'pubSub', 'ours', 'native']);

/** @param {Results} results */
export function deliveryFigures({ delivery }) {
	if (!delivery) return [];
	const { about } = delivery;
	const titles = deliveryTitlesOf(about);
	const heads = (/** @type {readonly SideName[]} */ sides) => sides.map((side) => titles[side]);
	return [
		measuredOn(about),
		'',
		'The CPU time of the server per delivered message, in total / of the main thread:',
		'',
		...table(['', ...heads(LOCAL)], cpuLines(delivery, LOCAL, true)),
		'',
		'The event loop and other requests during broadcasts of single messages:',
		'',
		...table(['', ...heads(LOCAL)], [...turnLines(delivery), ...requestLines(delivery)]),
		'',
		"Messages from elsewhere, the CPU time of the server per delivered message, in total / of the clients' thread:",
		'',
		...table(['', ...heads(REMOTE)], cpuLines(delivery, REMOTE, false)),
	];
}

/**
 * @param {DeliveryResults} results
 * @param {readonly SideName[]} sides
 * @param {boolean} isLocal true for messages that the clients' thread sends
 */
function cpuLines({ cpu }, sides, isLocal) {
	return cpu
		.filter(({ from }) => (from === 'main') === isLocal)
		.map(({ name, ns }) => [
			shortName(name),
			...sides.map((side) => {
				const times = ns[side];
				return times ? `${time(times.total.median)} / ${time(times.main.median)}` : '';
			}),
		]);
}

/** @param {DeliveryResults} results */
function turnLines({ turns }) {
	return turns.flatMap(({ clients, ns }) => {
		/** @param {'broadcast' | 'longest' | 'idle'} metric */
		const line = (metric) => LOCAL.map((side) => optionalTime(ns[side]?.[metric].median));
		const broadcast = `a broadcast to ${clients.toLocaleString('en')} clients`;
		return [
			[`the turn of ${broadcast}`, ...line('broadcast')],
			[`the longest turn during ${broadcast}`, ...line('longest')],
			['the longest turn in the same time without a broadcast', ...line('idle')],
		];
	});
}

/** @param {DeliveryResults} results */
function requestLines({ requests }) {
	return requests.flatMap(({ clients, ns }) => {
		/** @param {'p50' | 'p99' | 'idleP50' | 'idleP99'} metric */
		const line = (metric) => LOCAL.map((side) => optionalTime(ns[side]?.[metric].median));
		const during = `during broadcasts to ${clients.toLocaleString('en')} clients`;
		return [
			['a request to the idle server: p50', ...line('idleP50')],
			['a request to the idle server: p99', ...line('idleP99')],
			[`a request ${during}: p50`, ...line('p50')],
			[`a request ${during}: p99`, ...line('p99')],
		];
	});
}

/** @param {number | undefined} ns */
function optionalTime(ns) {
	return ns === undefined ? '' : time(ns);
}

/** @param {string} name */
function shortName(name) {
	return name.replace(/^delivery: /, '');
}
