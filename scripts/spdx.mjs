// License expressions of SPDX, as crates have them: https://spdx.github.io/spdx-spec/v2.3/SPDX-license-expressions/

/**
 * Returns true when the licenses of `allowed` satisfy the expression: one of each OR, and both of each AND. `WITH` and its
 * exception belong to the name of the license. Throws a `SyntaxError` for anything that is not an expression.
 *
 * @param {string} expression
 * @param {ReadonlySet<string>} allowed
 */
export function satisfies(expression, allowed) {
	// Old crates have `MIT/Apache-2.0`, which Cargo reads as OR.
	const tokens = expression.match(/[()/]|[^\s()/]+/g) ?? [];
	let at = 0;
	const isAllowed = anyOf();
	if (at < tokens.length) throw unexpected();
	return isAllowed;

	/** @returns {boolean} */
	function anyOf() {
		let result = allOf();
		// Both sides are always read, so that an error on either side is found.
		while (take('OR') || take('/')) result = allOf() || result;
		return result;
	}

	/** @returns {boolean} */
	function allOf() {
		let result = term();
		while (take('AND')) result = term() && result;
		return result;
	}

	/** @returns {boolean} */
	function term() {
		if (!take('(')) {
			const license = name();
			return allowed.has(take('WITH') ? `${license} WITH ${name()}` : license);
		}
		const result = anyOf();
		if (!take(')')) throw unexpected();
		return result;
	}

	function name() {
		const token = tokens[at] ?? '';
		if (!/^[A-Za-z0-9][A-Za-z0-9.-]*\+?$/.test(token) || /^(and|or|with)$/i.test(token)) throw unexpected();
		at += 1;
		return token;
	}

	/** @param {string} token */
	function take(token) {
		if (tokens[at] !== token) return false;
		at += 1;
		return true;
	}

	function unexpected() {
		const found = at < tokens.length ? `\`${tokens[at]}\`` : 'the end';
		return new SyntaxError(`\`${expression}\` is not an SPDX license expression: unexpected ${found}`);
	}
}
