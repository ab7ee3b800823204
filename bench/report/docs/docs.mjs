// The figures of the README: a choice of rows, and every row that we lose, each part written between its two markers.

import { readFileSync, writeFileSync } from 'node:fs';
import { factor, rate, table, time } from '../format.mjs';
import { SENDERS_PART } from '../losses.mjs';
import { optionFigures } from './options.mjs';
import { redisFigures } from './redis.mjs';
import { titles } from '../../harness/implementations.mjs';

/** @typedef {import('../../run.mjs').Results} Results */

const README = new URL('../../../README.md', import.meta.url);

const CHOSEN = [
	'send 100 B to everyone of 1',
	'send 100 B to everyone of 10',
	'send 100 B to everyone of 100',
	'send 100 B to everyone of 1,000',
	'send 100 B to everyone of 10,000',
	'send 4 KB to everyone of 1,000',
	'send 64 KB to everyone of 1,000',
	'send 100 B to one of 1',
	'send 100 B to one of 1,000',
	'send 100 B to one of 10,000',
	'send 100 B to a tenth of 10,000',
	'delete of a session with 3 URIs, 10,000 being known',
	'a notification to 10 of 10 registrations',
	'a notification to 10 of 10,000 registrations',
];

const CHOSEN_OF_THREADS = [
	'100 B to one of 1 in a worker thread, single messages, one at a time',
	'100 B to one of 1 in a worker thread, bursts of 10, one at a time',
	'100 B to one of 1 in a worker thread, single messages, back to back',
	'100 B to one of 1 in a worker thread, bursts of 10, back to back',
	'100 B to one of 1 in a worker thread, bursts of 100, back to back',
	'100 B to everyone of 10 in a worker thread, bursts of 10, back to back',
	'4 KB to everyone of 10 in a worker thread, bursts of 10, back to back',
];

const CHOSEN_BROADCAST = '100 B to everyone of 10 in each of 4 worker threads, bursts of 100, back to back';

const WAYS = /** @type {const} */ (['broadcastChannel', 'messagePort', 'ours']);

/** @param {Results} results of a full run */
export function writeReadme(results) {
	const redis = redisFigures(results.redis, results.about);
	const readme = withPart(readFileSync(README, 'utf8'), '', figures(results));
	writeFileSync(README, redis === undefined ? readme : withPart(readme, ': redis', redis));
}

/**
 * @param {string} readme
 * @param {string} name of the part, as it stands in the markers
 * @param {string[]} lines
 */
function withPart(readme, name, lines) {
	const marker = { begin: `<!-- written by \`npm run bench\`${name} -->`, end: `<!-- until here${name} -->` };
	const [begin, end] = [readme.indexOf(marker.begin), readme.indexOf(marker.end)];
	if (begin < 0 || end < begin) throw new Error(`README.md has no place for the figures${name}`);
	const part = [marker.begin, '', ...lines, '', marker.end].join('\n');
	return readme.slice(0, begin) + part + readme.slice(end + marker.end.length);
}

/** @param {Results} results */
function figures({ about, sends, operations, threads, alone, options, endToEnd, losses, memory }) {
	const rows = [...sends, ...operations];
	const chosen = CHOSEN.flatMap((name) => rows.filter((row) => row.name === name));
	const lost = rows.filter(({ name }) => losses.some((loss) => loss.name === name));
	const head = ['', titles.upstream, 'here', `${titles.upstream} / here`];
	/** @param {(typeof rows)[number]} row */
	const cells = ({ name, ns, vsUpstream }) => [
		name,
		time(ns.upstream.median),
		time(ns.ours.median),
		`**${factor(vsUpstream.median)}**`,
	];
	const lostAcrossThreads = lossesAcrossThreads(losses, threads);
	const { ours, upstream } = memory.managers;
	return [
		`Commit ${about.commit}, Node.js ${about.node}, ${about.platform}, ${about.cpu}, ${about.cores} cores, ${about.date}. Medians; a`,
		'ratio is the median of the ratios round by round.',
		'',
		...table(head, chosen.map(cells)),
		'',
		...acrossThreads(threads, alone),
		'',
		...optionFigures(options),
		`End to end, with \`node:http\` and ${endToEnd.clients} clients in another process, the server's CPU time for each message`,
		`delivered is ${time(endToEnd.ns.upstream.median)} with upstream and ${time(endToEnd.ns.ours.median)} here (upstream / here, round by round, ${factor(endToEnd.vsUpstream.median)}): most of it is \`node:http\`'s.`,
		'',
		'**Where it loses.** A registry in native memory costs more to reach than a `Map`, to come and go above all:',
		'',
		...table(head, lost.map(cells)),
		'',
		...lostAcrossThreads,
		...(lostAcrossThreads.length > 0 ? [''] : []),
		`And a session takes ${ours.rss.median.toFixed(0)} B beside its stream (which takes ${memory.streams.rss.median.toFixed(0)} B), with upstream ${upstream.rss.median.toFixed(0)} B.`,
	];
}

/**
 * @param {Results['threads']} threads
 * @param {Results['alone']} alone
 */
function acrossThreads(threads, alone) {
	const chosen = threads.filter(({ name }) => CHOSEN_OF_THREADS.includes(name));
	const broadcast = threads.filter(({ name }) => name === CHOSEN_BROADCAST);
	const shares = alone.map(({ vsPlain }) => vsPlain.median);
	return [
		'From the main thread to sessions of worker threads, until the last byte of a burst has been read there, beside',
		"upstream's manager in the worker, fed by either of Node's channels ([how](bench/results/latest.md)):",
		'',
		...table(
			['', 'BroadcastChannel', 'MessagePort', 'here', 'BroadcastChannel / here', 'MessagePort / here'],
			chosen.map(({ name, ns, vsBroadcastChannel, vsMessagePort }) => [
				name,
				...WAYS.map((way) => time(ns[way].median)),
				`**${factor(vsBroadcastChannel.median)}**`,
				`**${factor(vsMessagePort.median)}**`,
			]),
		),
		'',
		...broadcast.flatMap(({ name, deliveries, ns, sending }) => [
			`${name}:`,
			'',
			...table(
				['', 'BroadcastChannel', 'MessagePort', 'here'],
				[
					["the sender's part in each broadcast", ...WAYS.map((way) => time(sending.ns[way].median))],
					['messages read in a second', ...WAYS.map((way) => rate(deliveries, ns[way].median))],
				],
			),
			'',
		]),
		'A `send` to sessions of the same thread, the only one in its scope, takes',
		`${Math.min(...shares).toFixed(2)} to ${Math.max(...shares).toFixed(2)} times what it takes without a scope.`,
	];
}

/**
 * @param {Results['losses']} losses
 * @param {Results['threads']} threads
 */
function lossesAcrossThreads(losses, threads) {
	const whole = losses.filter(({ name }) => threads.some((row) => row.name === name));
	const sender = losses.filter(({ name }) => name.endsWith(SENDERS_PART));
	const lines = whole.map(({ name, against, ratio }) => `- ${name}: **${factor(ratio)}** of ${against}`);
	if (sender.length > 0) {
		const rows = new Set(sender.map(({ name }) => name)).size;
		const worst = sender.reduce((worst, loss) => (loss.ratio < worst.ratio ? loss : worst));
		lines.push(
			`- ${SENDERS_PART}, in ${rows} of ${threads.length} rows; at worst **${factor(worst.ratio)}** of ${worst.against}`,
		);
	}
	return lines;
}
