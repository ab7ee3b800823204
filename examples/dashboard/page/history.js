// The numbers of the last two minutes, as curves.

/** @import { Sample } from '../numbers.mjs' */

/** Length of the history that is kept and drawn. */
export const SECONDS = 120;

export class History {
	/** Seconds since 1970, oldest first. @type {number[]} */
	times = [];
	/** @type {Record<'sessions' | 'messages' | 'bytes' | 'queued', (number | null)[]>} */
	curves = { sessions: [], messages: [], bytes: [], queued: [] };
	/** @type {Sample | undefined} */
	#last;

	/**
	 * Replaces the whole history.
	 *
	 * @param {readonly Sample[]} samples
	 */
	replace(samples) {
		this.times = [];
		this.curves = { sessions: [], messages: [], bytes: [], queued: [] };
		this.#last = undefined;
		for (const sample of samples) this.add(sample);
	}

	/** @param {Sample} sample */
	add(sample) {
		const last = this.#last;
		// `messages` and `bytes` are totals since the start of the server.
		const perSecond = (/** @type {'messages' | 'bytes'} */ name) => {
			return last && sample.at > last.at ? ((sample[name] - last[name]) * 1_000) / (sample.at - last.at) : null;
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

	/** The newest sample. */
	get last() {
		return this.#last;
	}

	/**
	 * Returns the highest value of a curve.
	 *
	 * @param {keyof History['curves']} name
	 */
	peak(name) {
		return Math.max(0, ...this.curves[name].map((value) => value ?? 0));
	}
}
