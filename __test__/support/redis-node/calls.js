// Calls from one process or thread to another, over whatever carries messages between them.

/** The end that calls. */
export class Calls {
	/** @type {Map<number, { resolve: (value: any) => void, reject: (error: Error) => void }>} */
	#calls = new Map();
	#called = 0;
	/** @type {Error | undefined} */
	#ended;
	#post;

	/** @param {(message: { call: number, order: any[] }) => void} post */
	constructor(post) {
		this.#post = post;
	}

	/**
	 * @param {any[]} order
	 * @returns {Promise<any>}
	 */
	do(...order) {
		if (this.#ended) return Promise.reject(this.#ended);
		const call = ++this.#called;
		return new Promise((resolve, reject) => {
			this.#calls.set(call, { resolve, reject });
			this.#post({ call, order });
		});
	}

	/** To be called with each message that comes. @param {any} message */
	answered({ call, value, error }) {
		const answer = this.#calls.get(call);
		this.#calls.delete(call);
		if (error) answer?.reject(Object.assign(new Error(error.message), error));
		else answer?.resolve(value);
	}

	/** To be called when no answer will come any more. @param {Error} error */
	end(error) {
		this.#ended = error;
		for (const { reject } of this.#calls.values()) reject(error);
		this.#calls.clear();
	}
}

/**
 * The end that is called. Each order is begun when it comes, and answered when it is done.
 *
 * @param {(...order: any[]) => unknown} perform
 * @param {(message: any) => void} post
 */
export function answering(perform, post) {
	return async (/** @type {{ call: number, order: any[] }} */ { call, order }) => {
		try {
			post({ call, value: await perform(...order) });
		} catch (error) {
			const { name, message, code, stack, unsent } = /** @type {any} */ (error);
			post({ call, error: { name, message, code, stack, unsent } });
		}
	};
}
