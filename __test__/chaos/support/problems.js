// What went wrong in a chaos run, with the time and what happened then.

/** More problems of one run are counted, and not listed. */
const LISTED = 30;

export class Problems {
	#began = performance.now();
	/** @type {string[]} */
	#listed = [];
	#unlisted = 0;
	/** What happens now. */
	now = 'before any fault';

	/** @param {string} what */
	add = (what) => {
		if (this.#listed.length === LISTED) this.#unlisted++;
		else this.#listed.push(`${this.seconds(performance.now())}, ${this.now}: ${what}`);
	};

	/** Returns the time since the run began. @param {number} time as `performance.now()` */
	seconds(time) {
		return `${((time - this.#began) / 1_000).toFixed(1)} s`;
	}

	get all() {
		return this.#unlisted > 0 ? [...this.#listed, `${this.#unlisted} more problems`] : this.#listed;
	}
}
