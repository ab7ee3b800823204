// All rows of delivery to clients over HTTP.

import { deliveryTitlesOf } from '../../harness/versions.mjs';
import { factorWithQuartiles, table, time, timeWithQuartiles } from '../format.mjs';

/** @typedef {import('../results.mjs').Results} Results */
/** @typedef {NonNullable<Results['delivery']>} DeliveryResults */
/** @typedef {import('../../delivery/side.mjs').SideName} SideName */
/** @typedef {ReturnType<typeof deliveryTitlesOf>} Titles */

/** @param {Results} results */
export function deliverySections({ delivery }) {
	if (!delivery) return [];
	const { about } = delivery;
	const titles = deliveryTitlesOf(about);
	const cpu = delivery.cpu.filter(({ from }) => from === 'main');
	const remote = delivery.cpu.filter(({ from }) => from !== 'main');
	return [
		'',
		'## Delivery over HTTP',
		'',
		'Each server is a process with clients in another process, over the loopback interface. The next burst is sent when all',
		'clients have received the last one. All clients check that they receive each message once, in order.',
		'',
		`- ${titles.upstream} and "this package": a stream manager, behind srvx ${about.srvx} on \`node:http\`.`,
		'- "Native delivery": the same with `attachNativeDelivery(server)`.',
		`- ${titles.betterSse}: \`channel.broadcast\` on \`node:http\`.`,
		`- ${titles.axum}: \`Sse\` over a broadcast channel of tokio, a server in Rust with one thread.`,
		...cpuTimes(cpu, titles),
		...remoteCpuTimes(remote, titles),
		...turns(delivery, titles),
		...requests(delivery, titles),
	];
}

/**
 * @param {DeliveryResults['cpu']} rows
 * @param {Titles} titles
 */
function cpuTimes(rows, titles) {
	if (rows.length === 0) return [];
	const names = namesIn(rows);
	return [
		'',
		'### CPU time of the server per delivered message',
		'',
		'In total / of the main thread. The time for the same number of orders without messages is subtracted.',
		'',
		...table(
			['', ...names.map((name) => titles[name])],
			rows.map(({ name, ns }) => [
				shortName(name),
				...names.map((side) => `${time(ns[side]?.total.median ?? 0)} / ${time(ns[side]?.main.median ?? 0)}`),
			]),
		),
		'',
		'The total of each other server divided by that of native delivery:',
		'',
		...ratioTable(rows, titles),
		'',
		'What was subtracted:',
		'',
		...table(
			['', ...names.map((name) => titles[name])],
			rows.map(({ name, ns }) => [shortName(name), ...names.map((side) => time(ns[side]?.idle.median ?? 0))]),
		),
	];
}

/**
 * @param {DeliveryResults['cpu']} rows
 * @param {Titles} titles
 */
function remoteCpuTimes(rows, titles) {
	if (rows.length === 0) return [];
	const names = namesIn(rows);
	return [
		'',
		'### CPU time of the server per message from elsewhere',
		'',
		'A worker of the server, or another process through Redis, sends to clients of the main thread. In total / of the main',
		`thread. With a worker, the total includes the worker. ${titles.upstream} receives messages from a worker by`,
		'`BroadcastChannel`.',
		'',
		...table(
			['', ...names.map((name) => titles[name])],
			rows.map(({ name, ns }) => [
				shortName(name),
				...names.map((side) => {
					const times = ns[side];
					return times ? `${time(times.total.median)} / ${time(times.main.median)}` : '';
				}),
			]),
		),
	];
}

/**
 * @param {DeliveryResults} results
 * @param {Titles} titles
 */
function turns({ turns }, titles) {
	return turns.flatMap((row) => {
		const { name, broadcasts, rounds, ns } = row;
		const names = namesIn([row]);
		return [
			'',
			`### Turns of the event loop, ${shortName(name)}`,
			'',
			'"The broadcast" is the turn that sends the message: from `send` until the next `setImmediate` callback. A timer of 1 ms',
			'shows the longest turn while the clients receive the message, and in the same time without a broadcast ("idle"). It includes',
			`the time for which the thread waits for a core. Medians of ${broadcasts} broadcasts, and their maximum, in ${rounds} ${rounds === 1 ? 'round' : 'rounds'}. The`,
			"clients' process has a lower priority than the server.",
			'',
			...table(
				['', 'the broadcast', 'longest turn, idle', 'longest turn', 'maximum', 'the broadcast / native delivery'],
				names.map((side) => {
					const ratio = row.vs.native?.[side];
					const times = ns[side];
					return [
						titles[side],
						...(times ? [times.broadcast, times.idle, times.longest, times.maximum].map(timeWithQuartiles) : []),
						ratio ? factorWithQuartiles(ratio) : '',
					];
				}),
			),
		];
	});
}

/**
 * @param {DeliveryResults} results
 * @param {Titles} titles
 */
function requests({ requests }, titles) {
	return requests.flatMap((row) => [
		'',
		`### Other requests, ${shortName(row.name)}`,
		'',
		'A third process sends a small request every 2 ms, first to the idle server, and then while the server broadcasts, one',
		"broadcast after the other. The table shows the times until the responses. The clients' process has a lower priority than",
		'the server and the third process.',
		'',
		...table(
			['', 'idle: p50', 'p99', 'broadcasts: p50', 'p99', 'p99, broadcasts / idle'],
			namesIn([row]).map((side) => {
				const times = row.ns[side];
				const ratio = row.vsIdle[side];
				if (!times || !ratio) return [titles[side]];
				const { idleP50, idleP99, p50, p99 } = times;
				return [titles[side], ...[idleP50, idleP99, p50, p99].map(timeWithQuartiles), factorWithQuartiles(ratio)];
			}),
		),
	]);
}

/**
 * @param {DeliveryResults['cpu']} rows
 * @param {Titles} titles
 */
function ratioTable(rows, titles) {
	const others = namesIn(rows).filter((name) => name !== 'native');
	return table(
		['', ...others.map((name) => titles[name])],
		rows.map(({ name, vs }) => [
			shortName(name),
			...others.map((side) => {
				const ratio = vs.native?.[side];
				return ratio ? factorWithQuartiles(ratio) : '';
			}),
		]),
	);
}

/**
 * Returns the servers that were measured in any of the rows, in the order of the columns.
 *
 * @param {{ ns: Partial<Record<SideName, unknown>> }[]} rows
 */
function namesIn(rows) {
	const order = /** @type {SideName[]} */ (['upstream', 'pubSub', 'ours', 'native', 'betterSse', 'axum']);
	return order.filter((name) => rows.some(({ ns }) => ns[name]));
}

/** @param {string} name */
function shortName(name) {
	return name.replace(/^delivery: /, '').replace(/: .*$/, '');
}
