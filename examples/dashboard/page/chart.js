// One curve over the last minutes, drawn by uPlot in the colours of the page.

import { SECONDS } from './history.js';
import uPlot from './uplot.js';

/** Of the axes, in CSS pixels; wide enough for any number, so that the curves of all charts begin at the same place. */
const LEFT = 52;
const BOTTOM = 28;
const DARK = matchMedia('(prefers-color-scheme: dark)');

export class Chart {
	/** The newest second, to which all that is drawn ends. */
	#end = 0;
	/** @type {Record<string, string>} */
	#colours = {};
	#card;
	#pointed;
	/** @type {(value: number) => string} */
	#format;
	#plot;

	/**
	 * @param {HTMLElement} card
	 * @param {object} options
	 * @param {(value: number) => string} options.format
	 * @param {number} options.least what the vertical axis reaches to at least
	 * @param {string} [options.unit] of the values, where the axis does not say it
	 */
	constructor(card, { format, least, unit = '' }) {
		const place = /** @type {HTMLElement} */ (card.querySelector('.plot'));
		this.#card = card;
		this.#pointed = /** @type {HTMLElement} */ (card.querySelector('.pointed'));
		this.#format = (value) => `${format(value)}${unit}`;
		this.#readColours();

		const axis = {
			stroke: () => this.#colours.muted,
			font: '11px system-ui, sans-serif',
			grid: { stroke: () => this.#colours.grid, width: 1 },
			ticks: { show: false },
		};
		this.#plot = new uPlot(
			{
				width: place.clientWidth,
				height: place.clientHeight,
				padding: [4, 8, 0, 0],
				legend: { show: false },
				cursor: { y: false, drag: { x: false, y: false }, sync: { key: 'time' }, points: { size: 8 } },
				scales: {
					x: { range: () => [this.#end - SECONDS, this.#end] },
					y: { range: (_plot, _min, max) => [0, uPlot.rangeNum(0, Math.max(max ?? 0, least), 0.1, true)[1]] },
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
						stroke: () => this.#colours.accent,
						fill: (plot) => this.#shade(plot),
						points: { show: false },
					},
				],
				hooks: { setCursor: [() => this.#tell()] },
			},
			[[], []],
			place,
		);
		new ResizeObserver(() => {
			this.#plot.setSize({ width: place.clientWidth, height: place.clientHeight });
		}).observe(place);
		DARK.addEventListener('change', () => {
			this.#readColours();
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
		this.#tell();
	}

	/** Says the value at the pointer, in whichever chart it is. */
	#tell() {
		const { idx } = this.#plot.cursor;
		const [times, values] = this.#plot.data;
		const value = idx == null ? null : values[idx];
		if (idx == null || value == null) {
			this.#pointed.replaceChildren();
			return;
		}
		const when = document.createElement('small');
		when.textContent = timeOf(times[idx]);
		this.#pointed.replaceChildren(this.#format(value), when);
	}

	#readColours() {
		const style = getComputedStyle(this.#card);
		for (const name of ['accent', 'muted', 'grid']) this.#colours[name] = style.getPropertyValue(`--${name}`).trim();
	}

	/** @param {uPlot} plot */
	#shade({ ctx, bbox: { top, height } }) {
		const shade = ctx.createLinearGradient(0, top, 0, top + height);
		shade.addColorStop(0, `${this.#colours.accent}48`);
		shade.addColorStop(1, `${this.#colours.accent}06`);
		return shade;
	}
}

/**
 * Whether the time at the axis does not go over the edge on the right.
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
