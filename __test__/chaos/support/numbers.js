// The numbers of messages that a stream has received. Each sender numbers its messages from 1.

export class Numbers {
	/** The last number of each sender. @type {Map<string, number>} */
	#last = new Map();
	#isComplete;
	/** Number of messages received. */
	received = 0;
	/** Number of messages that were skipped. */
	missing = 0;
	/** Number of messages that arrived again, or after a later one. */
	twice = 0;

	/** @param {{ isComplete: boolean }} options `isComplete`: the stream was open before the first message was sent */
	constructor({ isComplete }) {
		this.#isComplete = isComplete;
	}

	/**
	 * @param {string} sender
	 * @param {number} number
	 */
	take(sender, number) {
		const last = this.last(sender) ?? (this.#isComplete ? 0 : number - 1);
		this.received++;
		if (number <= last) {
			this.twice++;
			return;
		}
		this.missing += number - last - 1;
		this.#last.set(sender, number);
	}

	/** @param {string} sender */
	last(sender) {
		return this.#last.get(sender);
	}

	report() {
		const { received, missing, twice } = this;
		return { received, missing, twice, last: Object.fromEntries(this.#last) };
	}
}
