// What the page remembers of the numbers: the curves, and what of them the tiles tell.

/** @import { Sample } from '../numbers.mjs' */

/** How much of the past is drawn. */
export const SECONDS = 120;

export class History {
	/** Seconds since 1970, oldest first. @type {number[]} */
	times = [];
	/** @type {Record<'sessions' | 'messages' | 'bytes' | 'queued', (number | null)[]>} */
	curves = { sessions: [], messages: [], bytes: [], queued: [] };
	/** @type {Sample | undefined} */
	#last;

	/** @param {readonly Sample[]} samples that take the place of all there is */
	replace(samples) {
		this.times = [];
		this.curves = { sessions: [], messages: [], bytes: [], queued: [] };
		this.#last = undefined;
		for (const sample of samples) this.add(sample);
	}

	/** @param {Sample} sample */
	add(sample) {
		const last = this.#last;
		// What is counted since the start becomes how much it is in a second.
		const perSecond = (/** @type {'messages' | 'bytes'} */ what) => {
			return last && sample.at > last.at ? ((sample[what] - last[what]) * 1_000) / (sample.at - last.at) : null;
		};
		this.times.push(sample.at / 1_000);
		this.curves.sessions.push(sample.sessions);
		this.curves.messages.push(perSecond('messages'));
		this.curves.bytes.push(perSecond('bytes'));
		this.curves.queued.push(sample.queuedBytes);
		this.#last = sample;
		while (this.times.length > 1 && this.times[0] < sample.at / 1_000 - SECONDS) {
			this.times.shift();
			for (const values of Object.values(this.curves)) values.shift();
		}
	}

	/** The newest. */
	get last() {
		return this.#last;
	}

	/**
	 * The highest of what is remembered of a curve.
	 *
	 * @param {keyof History['curves']} name
	 */
	peak(name) {
		return Math.max(0, ...this.curves[name].map((value) => value ?? 0));
	}
}
