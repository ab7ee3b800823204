// For the docs: the chosen rows of a single thread, and all rows that this package loses.

import { channelTitlesOf, titlesOf } from '../../harness/versions.mjs';
import { factor, table, time } from '../format.mjs';
import { TIME_IN_SEND } from '../losses.mjs';

/** @typedef {import('../results.mjs').Results} Results */

const CHOSEN = [
	'send 100 B to all of 1 session',
	'send 100 B to all of 10 sessions',
	'send 100 B to all of 100 sessions',
	'send 100 B to all of 1,000 sessions',
	'send 100 B to all of 10,000 sessions',
	'send 4 KB to all of 1,000 sessions',
	'send 64 KB to all of 1,000 sessions',
	'send 100 B to one of 1 session',
	'send 100 B to one of 1,000 sessions',
	'send 100 B to one of 10,000 sessions',
	'send 100 B to a tenth of 10,000 sessions',
	'delete a session that watches 3 of 10,000 URIs',
	'notify 10 of 10 registrations',
	'notify 10 of 10,000 registrations',
];

/** @param {Results} results */
export function streamFigures(results) {
	const rows = [...results.sends, ...results.operations];
	const chosen = CHOSEN.flatMap((name) => rows.filter((row) => row.name === name));
	return chosen.length === 0 ? [] : comparisonTable(results, chosen);
}

/** @param {Results} results */
export function lossFigures(results) {
	const { sends, operations, losses } = results;
	const lost = [...sends, ...operations].filter(({ name }) => losses.some((loss) => loss.name === name));
	const lines = threadLosses(results);
	return [
		...(lost.length > 0 ? comparisonTable(results, lost) : []),
		...(lost.length > 0 && lines.length > 0 ? [''] : []),
		...(lines.length > 0 ? ['With worker threads:', '', ...lines] : []),
	];
}

/**
 * @param {Results} results
 * @param {(Results['sends'][number] | Results['operations'][number])[]} rows
 */
function comparisonTable({ about }, rows) {
	const titles = titlesOf(about);
	return table(
		['', titles.upstream, 'this package', `${titles.upstream} / this package`],
		rows.map(({ name, ns, vsUpstream }) => [
			name,
			time(ns.upstream.median),
			time(ns.ours.median),
			`**${factor(vsUpstream.median)}**`,
		]),
	);
}

/** @param {Results} results */
function threadLosses({ about, losses, threads }) {
	const titles = channelTitlesOf(about);
	const isChannel = (/** @type {import('../losses.mjs').Loss} */ { against }) =>
		against === titles.broadcastChannel || against === titles.messagePort;
	const whole = losses.filter((loss) => isChannel(loss) && !loss.name.endsWith(TIME_IN_SEND));
	const inSend = losses.filter((loss) => isChannel(loss) && loss.name.endsWith(TIME_IN_SEND));
	const lines = whole.map(({ name, against, ratio }) => `- ${name}: **${factor(ratio)}** (${against} / this package).`);
	if (inSend.length > 0) {
		const rows = new Set(inSend.map(({ name }) => name)).size;
		const worst = inSend.reduce((worst, loss) => (loss.ratio < worst.ratio ? loss : worst));
		lines.push(
			`- In ${rows} of ${threads.length} rows, the sender's ${TIME_IN_SEND} is longer than with a \`BroadcastChannel\` or a ` +
				`\`MessagePort\`. The lowest ratio is **${factor(worst.ratio)}** (${worst.against} / this package).`,
		);
	}
	return lines;
}
