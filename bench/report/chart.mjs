// The chart of the results: how many times as fast as upstream a `send` is, with one panel per text size.

import * as echarts from 'echarts';
import { asciiTexts } from '../harness/test-data.mjs';

/** @typedef {import('./results.mjs').Results} Results */

const KINDS = [
	{ kind: 'all', title: 'to all sessions', color: '#3B6FB6' },
	{ kind: 'a tenth', title: 'to a tenth', color: '#E0A030' },
	{ kind: 'one', title: 'to one', color: '#2E9E7B' },
];
const WIDTH = 960;
const HEAD_HEIGHT = 112;
const PANEL_HEIGHT = 204;
const FOOT_HEIGHT = 52;
const PLOT_TOP = 36;
const PLOT_BOTTOM = 34;
const TEXT_COLOR = '#24292F';
const MUTED_COLOR = '#57606A';

/**
 * @param {Results} results
 * @returns {string} SVG
 */
export function drawChart(results) {
	const texts = asciiTexts.map(({ name }) => name).filter((name) => results.sends.some(({ text }) => text === name));
	const height = HEAD_HEIGHT + texts.length * PANEL_HEIGHT + FOOT_HEIGHT;
	const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height });
	chart.setOption({
		animation: false,
		backgroundColor: '#FFFFFF',
		textStyle: { fontFamily: 'Helvetica, Arial, sans-serif', color: TEXT_COLOR },
		title: [...titles(results, height), ...texts.map(panelTitle)],
		legend: { top: 72, left: 20, itemGap: 40, data: KINDS.map(({ title }) => title), textStyle: { fontSize: 13 } },
		grid: texts.map((_, index) => ({
			left: 64,
			right: 24,
			top: panelTop(index) + PLOT_TOP,
			height: PANEL_HEIGHT - PLOT_TOP - PLOT_BOTTOM,
		})),
		xAxis: texts.map((_, index) => sessionAxis(results, index, index === texts.length - 1)),
		yAxis: texts.map((_, index) => ratioAxis(results, index)),
		series: texts.flatMap((text, index) => KINDS.map((kind) => bars(results, text, index, kind))),
	});
	const svg = chart.renderToSVGString();
	chart.dispose();
	return `${svg}\n`;
}

/** @param {number} index */
function panelTop(index) {
	return HEAD_HEIGHT + index * PANEL_HEIGHT;
}

/**
 * @param {Results} results
 * @param {number} height
 */
function titles({ about }, height) {
	return [
		{
			text: `send(): how many times as fast as upstream ${about.upstream}`,
			subtext: "Upstream's time divided by that of this package. Logarithmic axis. Higher is better; 1x is equal.",
			left: 20,
			top: 12,
			textStyle: { fontSize: 19, color: TEXT_COLOR },
			subtextStyle: { fontSize: 13, color: MUTED_COLOR },
		},
		{
			text: `Version ${about.package}, commit ${about.commit} · Node.js ${about.node} · ${about.cpu}, ${about.cores} cores · ${about.date}`,
			left: 20,
			top: height - 22,
			textStyle: { fontSize: 12, fontWeight: 'normal', color: MUTED_COLOR },
		},
	];
}

/**
 * @param {string} text
 * @param {number} index
 */
function panelTitle(text, index) {
	return {
		text: `Messages of ${text}`,
		left: 20,
		top: panelTop(index) + 4,
		textStyle: { fontSize: 14, color: TEXT_COLOR },
	};
}

/**
 * @param {Results} results
 * @param {number} gridIndex
 * @param {boolean} last
 */
function sessionAxis(results, gridIndex, last) {
	return {
		type: 'category',
		gridIndex,
		data: sessionCounts(results).map((count) => count.toLocaleString('en')),
		name: last ? 'sessions' : '',
		nameLocation: 'middle',
		nameGap: 30,
		nameTextStyle: { fontSize: 13, color: TEXT_COLOR },
		axisTick: { show: false },
		axisLine: { lineStyle: { color: MUTED_COLOR } },
		axisLabel: { fontSize: 12, color: TEXT_COLOR },
	};
}

/**
 * Returns the same axis for all panels, so that they can be compared.
 *
 * @param {Results} results
 * @param {number} gridIndex
 */
function ratioAxis(results, gridIndex) {
	const shown = results.sends.map(({ vsUpstream }) => vsUpstream.median);
	return {
		type: 'log',
		gridIndex,
		// Starts below 1x only when a ratio is below 1x.
		min: Math.min(...shown) < 1 ? 0.1 : 1,
		max: 10 ** Math.ceil(Math.log10(Math.max(...shown) * 1.5)),
		startValue: 1,
		axisLabel: {
			fontSize: 12,
			color: MUTED_COLOR,
			formatter: (/** @type {number} */ value) => `${value.toLocaleString('en')}x`,
		},
		splitLine: { lineStyle: { color: '#E4E7EB' } },
	};
}

/**
 * @param {Results} results
 * @param {string} text
 * @param {number} index
 * @param {typeof KINDS[number]} kind
 */
function bars(results, text, index, { kind, title, color }) {
	return {
		name: title,
		type: 'bar',
		xAxisIndex: index,
		yAxisIndex: index,
		itemStyle: { color },
		barMaxWidth: 34,
		barGap: '12%',
		barCategoryGap: '22%',
		label: {
			show: true,
			position: 'top',
			distance: 3,
			fontSize: 12,
			color: TEXT_COLOR,
			formatter: (/** @type {{ value: number | string }} */ { value }) =>
				typeof value === 'number' ? `${label(value)}x` : '',
		},
		data: sessionCounts(results).map((sessions) => {
			const row = results.sends.find(
				(row) => row.text === text && row.kind === kind && row.sessions === sessions && !row.cold,
			);
			return row ? row.vsUpstream.median : '-';
		}),
	};
}

/** @param {Results} results */
function sessionCounts({ sends }) {
	return [...new Set(sends.map(({ sessions }) => sessions))];
}

/** @param {number} ratio */
function label(ratio) {
	return ratio < 10 ? ratio.toFixed(1) : ratio.toFixed(0);
}
