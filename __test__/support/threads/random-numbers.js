/**
 * Returns a function that returns random integers below a limit: the same sequence for the same seed (mulberry32).
 *
 * @param {number} seed
 */
export function randomNumbers(seed) {
	let state = seed | 0;
	return (/** @type {number} */ limit) => {
		state = (state + 0x6d2b79f5) | 0;
		let mixed = Math.imul(state ^ (state >>> 15), state | 1);
		mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
		return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
	};
}
