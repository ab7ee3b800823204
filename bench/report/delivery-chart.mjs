// The chart of native delivery: what one message to one client costs a server, beside other servers.

import * as echarts from 'echarts';
import { deliveryTitlesOf } from '../harness/versions.mjs';

/** @typedef {import('./docs/delivery.mjs').DeliveryResults} DeliveryResults */

/** The servers, from top to bottom, and the order in which the axis of a bar chart wants them. */
const SIDES = /** @type {const} */ (['upstream', 'betterSse', 'ours', 'axum', 'native']);
const WIDTH = 960;
const PANEL_HEIGHT = 250;
const HEAD_HEIGHT = 76;
const FOOT_HEIGHT = 34;
const TEXT_COLOR = '#24292F';
const MUTED_COLOR = '#57606A';
const MAIN_COLOR = '#3B6FB6';
const REST_COLOR = '#2E9E7B';

/**
 * @param {DeliveryResults} results
 * @returns {string} SVG
 */
export function drawDeliveryChart({ about, cpu }) {
	const panels = cpu.filter(
		({ from, name }) => from === 'main' && /130 B.*(200 clients.*single|2,000 clients.*10)/.test(name),
	);
	const titles = deliveryTitlesOf(about);
	const height = HEAD_HEIGHT + panels.length * PANEL_HEIGHT + FOOT_HEIGHT;
	const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height });
	const top = (/** @type {number} */ index) => HEAD_HEIGHT + index * PANEL_HEIGHT;
	const series = panels.flatMap(({ ns }, index) => {
		const micros = (/** @type {(times: { total: { median: number }, main: { median: number } }) => number} */ of) =>
			[...SIDES].reverse().map((side) => {
				const times = ns[side];
				return times === undefined ? null : Number((of(times) / 1000).toFixed(2));
			});
		const bar = { type: 'bar', stack: `cpu ${index}`, xAxisIndex: index, yAxisIndex: index, barWidth: 20 };
		return [
			{
				...bar,
				name: 'event loop (axum: its only thread)',
				color: MAIN_COLOR,
				data: micros(({ main }) => main.median),
			},
			{
				...bar,
				name: 'other threads',
				color: REST_COLOR,
				data: micros(({ total, main }) => Math.max(0, total.median - main.median)),
			},
		];
	});
	chart.setOption({
		animation: false,
		backgroundColor: '#FFFFFF',
		textStyle: { fontFamily: 'Helvetica, Arial, sans-serif', color: TEXT_COLOR },
		title: [
			{
				text: 'CPU time of the server for each message that a client receives, in µs',
				left: 20,
				top: 12,
				textStyle: { fontSize: 19, color: TEXT_COLOR },
			},
			...panels.map(({ name }, index) => ({
				text: name.replace(/^delivery: /, ''),
				left: 20,
				top: top(index) + 4,
				textStyle: { fontSize: 14, color: TEXT_COLOR },
			})),
			{
				text: `Lower is better. Commit ${about.commit} · Node.js ${about.node} · ${about.cpu}, ${about.cores} cores · ${about.date}`,
				left: 20,
				top: height - 24,
				textStyle: { fontSize: 12, fontWeight: 'normal', color: MUTED_COLOR },
			},
		],
		legend: { top: 44, left: 20, itemGap: 40, textStyle: { fontSize: 13 } },
		grid: panels.map((_, index) => ({ left: 150, right: 40, top: top(index) + 30, height: PANEL_HEIGHT - 66 })),
		xAxis: panels.map((_, index) => ({ type: 'value', gridIndex: index, axisLabel: { color: TEXT_COLOR } })),
		yAxis: panels.map((_, index) => ({
			type: 'category',
			gridIndex: index,
			data: [...SIDES].reverse().map((side) => titles[side]),
			axisTick: { show: false },
			axisLabel: { fontSize: 13, color: TEXT_COLOR },
		})),
		series,
	});
	const svg = chart.renderToSVGString();
	chart.dispose();
	return `${svg}\n`;
}
