// Calls from one process or thread to another, over any channel of messages.

/** The calling side. */
export class Calls {
	/** @type {Map<number, { resolve: (value: any) => void, reject: (error: Error) => void }>} */
	#calls = new Map();
	#called = 0;
	/** @type {Error | undefined} */
	#ended;
	#post;

	/** @param {(message: { call: number, command: any[] }) => void} post */
	constructor(post) {
		this.#post = post;
	}

	/**
	 * @param {any[]} command
	 * @returns {Promise<any>}
	 */
	do(...command) {
		if (this.#ended) return Promise.reject(this.#ended);
		const call = ++this.#called;
		return new Promise((resolve, reject) => {
			this.#calls.set(call, { resolve, reject });
			this.#post({ call, command });
		});
	}

	/** Settles a call. Call it with each message that arrives. @param {any} message */
	answered({ call, value, error }) {
		const pending = this.#calls.get(call);
		this.#calls.delete(call);
		if (error) pending?.reject(Object.assign(new Error(error.message), error));
		else pending?.resolve(value);
	}

	/** Rejects all calls. Call it when no more messages will arrive. @param {Error} error */
	end(error) {
		this.#ended = error;
		for (const { reject } of this.#calls.values()) reject(error);
		this.#calls.clear();
	}
}

/**
 * Returns the message handler of the called side. A call starts on arrival, and is answered when it is done.
 *
 * @param {(...command: any[]) => unknown} perform
 * @param {(message: any) => void} post
 */
export function respondingTo(perform, post) {
	return async (/** @type {{ call: number, command: any[] }} */ { call, command }) => {
		try {
			post({ call, value: await perform(...command) });
		} catch (error) {
			const { name, message, code, stack, unsent } = /** @type {any} */ (error);
			post({ call, error: { name, message, code, stack, unsent } });
		}
	};
}
