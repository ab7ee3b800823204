// The picture of the results: how many times faster a `send` is than upstream's, one panel a text size.

import * as echarts from 'echarts';
import { asciiTexts } from '../harness/test-data.mjs';

/** @typedef {import('../run.mjs').Results} Results */

const KINDS = [
	{ kind: 'everyone', title: 'to everyone', color: '#3B6FB6' },
	{ kind: 'a tenth', title: 'to a tenth', color: '#E0A030' },
	{ kind: 'one', title: 'to one', color: '#2E9E7B' },
];
const WIDTH = 960;
const HEAD = 112;
const PANEL = 250;
const FOOT = 52;
const PLOT_TOP = 40;
const INK = '#24292F';
const PALE = '#6E7781';

/**
 * @param {Results} results
 * @returns {string} SVG
 */
export function drawChart(results) {
	const texts = asciiTexts.map(({ name }) => name).filter((name) => results.sends.some(({ text }) => text === name));
	const height = HEAD + texts.length * PANEL + FOOT;
	const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height });
	chart.setOption({
		animation: false,
		backgroundColor: '#FFFFFF',
		textStyle: { fontFamily: 'Helvetica, Arial, sans-serif', color: INK },
		title: [...titles(results, height), ...texts.map(panelTitle)],
		legend: { top: 72, left: 20, itemGap: 24, data: KINDS.map(({ title }) => title), textStyle: { fontSize: 13 } },
		grid: texts.map((_, index) => ({
			left: 64,
			right: 24,
			top: panelTop(index) + PLOT_TOP,
			height: PANEL - PLOT_TOP - 40,
		})),
		xAxis: texts.map((_, index) => categories(results, index, index === texts.length - 1)),
		yAxis: texts.map((_, index) => logarithmic(results, index)),
		series: texts.flatMap((text, index) => KINDS.map((kind) => bars(results, text, index, kind))),
	});
	const svg = chart.renderToSVGString();
	chart.dispose();
	return `${svg}\n`;
}

/** @param {number} index */
function panelTop(index) {
	return HEAD + index * PANEL;
}

/**
 * @param {Results} results
 * @param {number} height
 */
function titles({ about }, height) {
	return [
		{
			text: `send(): how many times faster than upstream ${about.upstream}`,
			subtext: 'Median of the ratios round by round, logarithmic; 1x is as fast as upstream. Higher is better.',
			left: 20,
			top: 12,
			textStyle: { fontSize: 19, color: INK },
			subtextStyle: { fontSize: 13, color: PALE },
		},
		{
			text: `Version ${about.package}, commit ${about.commit} · Node.js ${about.node} · ${about.cpu}, ${about.cores} cores · ${about.date}`,
			left: 20,
			top: height - 22,
			textStyle: { fontSize: 11, fontWeight: 'normal', color: PALE },
		},
	];
}

/**
 * @param {string} text
 * @param {number} index
 */
function panelTitle(text, index) {
	return { text: `Messages of ${text}`, left: 20, top: panelTop(index) + 4, textStyle: { fontSize: 14, color: INK } };
}

/**
 * @param {Results} results
 * @param {number} gridIndex
 * @param {boolean} last
 */
function categories(results, gridIndex, last) {
	return {
		type: 'category',
		gridIndex,
		data: sessionCounts(results).map((count) => count.toLocaleString('en')),
		name: last ? 'sessions' : '',
		nameLocation: 'middle',
		nameGap: 30,
		nameTextStyle: { fontSize: 13, color: INK },
		axisTick: { show: false },
		axisLine: { lineStyle: { color: PALE } },
		axisLabel: { fontSize: 12, color: INK },
	};
}

/**
 * The same for all panels, so that they can be compared.
 *
 * @param {Results} results
 * @param {number} gridIndex
 */
function logarithmic(results, gridIndex) {
	const shown = results.sends.map(({ vsUpstream }) => vsUpstream.median);
	return {
		type: 'log',
		gridIndex,
		// Room below 1x only where something is there.
		min: Math.min(...shown) < 1 ? 0.1 : 1,
		max: 10 ** Math.ceil(Math.log10(Math.max(...shown) * 1.5)),
		startValue: 1,
		axisLabel: {
			fontSize: 12,
			color: PALE,
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
			fontSize: 11,
			color: INK,
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
