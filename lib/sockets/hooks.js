// Replaces methods of one object, and puts the original ones back.

export class Hooks {
	/** @type {{ isIntact: () => boolean, restore: () => void }[]} */
	#hooks = [];

	/**
	 * Replaces a method of an object, not of its class.
	 *
	 * @template {object} Target
	 * @param {Target} target
	 * @param {string} name
	 * @param {(original: (...args: any[]) => any) => (...args: any[]) => any} replace
	 *   Returns the new method. `original` calls the method that was there before.
	 */
	add(target, name, replace) {
		const methods = /** @type {Record<string, any>} */ (target);
		const own = Object.getOwnPropertyDescriptor(target, name);
		const before = methods[name];
		const hook = replace((...args) => before.apply(target, args));
		const define = (/** @type {unknown} */ value) =>
			Object.defineProperty(target, name, { value, configurable: true, writable: true, enumerable: false });
		define(hook);
		const isIntact = () => methods[name] === hook;
		const restore = () => {
			if (own === undefined) delete methods[name];
			else Object.defineProperty(target, name, own);
		};
		this.#hooks.push({ isIntact, restore });
	}

	/** True when no other code has replaced a method since. */
	get areIntact() {
		return this.#hooks.every(({ isIntact }) => isIntact());
	}

	/**
	 * Puts the original methods back. A hook that other code has wrapped stays where it is: it must only call the original
	 * from now on.
	 */
	remove() {
		for (const { isIntact, restore } of this.#hooks.splice(0).reverse()) {
			if (isIntact()) restore();
		}
	}
}
