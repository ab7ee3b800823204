// One curve over the last two minutes, drawn by uPlot in the colors of the page.

import { SECONDS } from './history.js';
import uPlot from './uplot.js';

/** Width of the vertical axis in CSS pixels. It fits any number, so that the curves of all charts begin at the same place. */
const LEFT = 52;
/** Height of the horizontal axis in CSS pixels. */
const BOTTOM = 28;
/** Room for the upper half of the top label. */
const TOP = 10;
const DARK = matchMedia('(prefers-color-scheme: dark)');

export class Chart {
	/** The right end of the horizontal axis, in seconds since 1970. */
	#end = Date.now() / 1_000;
	/** @type {Record<string, string>} */
	#colors = {};
	#card;
	#pointed;
	/** @type {(value: number) => string} */
	#format;
	#plot;

	/**
	 * @param {HTMLElement} card
	 * @param {object} options
	 * @param {(value: number) => string} options.format
	 * @param {number} options.minimumTop lowest value for the top of the vertical axis
	 * @param {string} [options.unit] unit of the values, shown beside the value at the pointer
	 */
	constructor(card, { format, minimumTop, unit = '' }) {
		const container = /** @type {HTMLElement} */ (card.querySelector('.plot'));
		this.#card = card;
		this.#pointed = /** @type {HTMLElement} */ (card.querySelector('.pointed'));
		this.#format = (value) => `${format(value)}${unit}`;
		this.#readColors();

		const axis = {
			stroke: () => this.#colors.muted,
			font: '11px system-ui, sans-serif',
			grid: { stroke: () => this.#colors.grid, width: 1 },
			ticks: { show: false },
		};
		this.#plot = new uPlot(
			{
				width: container.clientWidth,
				height: container.clientHeight,
				padding: [TOP, 8, 0, 0],
				legend: { show: false },
				cursor: { y: false, drag: { x: false, y: false }, sync: { key: 'time' }, points: { size: 8 } },
				scales: {
					x: { range: () => [this.#end - SECONDS, this.#end] },
					y: { range: (_plot, _min, max) => [0, uPlot.rangeNum(0, Math.max(max ?? 0, minimumTop), 0.1, true)[1]] },
				},
				axes: [
					{
						...axis,
						size: BOTTOM,
						gap: 9,
						space: 70,
						incrs: [15, 30, 60],
						values: (plot, times) => times.map((time) => (hasRoom(plot, time) ? timeOf(time) : '')),
					},
					{ ...axis, size: LEFT, space: 30, values: (_plot, values) => values.map(format) },
				],
				series: [
					{},
					{
						width: 2,
						stroke: () => this.#colors.accent,
						fill: (plot) => this.#shade(plot),
						points: { show: false },
					},
				],
				hooks: { setCursor: [() => this.#showPointed()] },
			},
			[[], []],
			container,
		);
		new ResizeObserver(() => {
			this.#plot.setSize({ width: container.clientWidth, height: container.clientHeight });
		}).observe(container);
		DARK.addEventListener('change', () => {
			this.#readColors();
			this.#plot.redraw(false);
		});
	}

	/**
	 * @param {number[]} times
	 * @param {(number | null)[]} values
	 */
	draw(times, values) {
		this.#end = times.at(-1) ?? 0;
		this.#plot.setData([times, values]);
		this.#showPointed();
	}

	/** Shows the value at the pointer's time. The pointer may be in any of the charts. */
	#showPointed() {
		const { idx } = this.#plot.cursor;
		const [times, values] = this.#plot.data;
		const value = idx == null ? null : values[idx];
		if (idx == null || value == null) {
			this.#pointed.replaceChildren();
			return;
		}
		const time = document.createElement('small');
		time.textContent = timeOf(times[idx]);
		this.#pointed.replaceChildren(this.#format(value), time);
	}

	#readColors() {
		const style = getComputedStyle(this.#card);
		for (const name of ['accent', 'muted', 'grid']) this.#colors[name] = style.getPropertyValue(`--${name}`).trim();
	}

	/** @param {uPlot} plot */
	#shade({ ctx, bbox: { top, height } }) {
		const shade = ctx.createLinearGradient(0, top, 0, top + height);
		shade.addColorStop(0, `${this.#colors.accent}48`);
		shade.addColorStop(1, `${this.#colors.accent}06`);
		return shade;
	}
}

/**
 * Returns true when the label of this time ends before the right edge.
 *
 * @param {uPlot} plot
 * @param {number} time
 */
function hasRoom(plot, time) {
	return plot.valToPos(time, 'x') < plot.over.clientWidth - 20;
}

/** @param {number} seconds since 1970 */
function timeOf(seconds) {
	return new Date(seconds * 1_000).toLocaleTimeString('en-GB');
}
