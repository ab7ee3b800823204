// Reads the JUnit reports of `node --test`, `bun test` and `deno test`, which differ in how they nest.

/** @typedef {{ name: string, outcome: 'passed' | 'failed' | 'skipped', detail: string }} Result */

const ATTRIBUTES = `(?:[^"'<>]|"[^"]*"|'[^']*')*?`;
const TAG = RegExp(`<(/?)(testsuite|testcase|failure|error|skipped)\\b(${ATTRIBUTES})(/?)>`, 'g');
const BETWEEN = ' > ';

/**
 * Returns the tests in a report. The name of a test includes those of its suites.
 *
 * @param {string} xml
 * @returns {Result[]}
 */
export function readReport(xml) {
	/** @type {Result[]} */
	const results = [];
	/** @type {string[]} */
	const suites = [];
	for (const [, closing, tag, attributes, empty] of xml.matchAll(TAG)) {
		if (tag === 'testsuite') {
			if (closing) suites.pop();
			else if (!empty) suites.push(suiteName(attributes));
		} else if (!closing && tag === 'testcase') {
			const name = [...suites, attribute(attributes, 'name')].filter(Boolean).join(BETWEEN);
			results.push({ name, outcome: 'passed', detail: '' });
		} else if (!closing) {
			const result = results[results.length - 1];
			result.outcome = tag === 'skipped' ? 'skipped' : 'failed';
			result.detail = attribute(attributes, 'message');
		}
	}
	return results.filter((result) => !isSuite(result, results));
}

/**
 * Returns the name of a suite, or an empty string for a file, which Bun and Deno report as a suite.
 *
 * @param {string} attributes
 */
function suiteName(attributes) {
	const name = attribute(attributes, 'name');
	return /\.[jt]s$/.test(name) ? '' : name;
}

/**
 * Returns true for a `describe` that Deno reports as a test. It fails when one of its tests fails. When none of them fails, the
 * `describe` itself has failed and counts as a test.
 *
 * @param {Result} result
 * @param {Result[]} all
 */
function isSuite({ name, outcome }, all) {
	const within = all.filter((other) => other.name.startsWith(name + BETWEEN));
	return within.length > 0 && (outcome !== 'failed' || within.some((other) => other.outcome === 'failed'));
}

const ENTITIES = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };

/**
 * @param {string} attributes
 * @param {string} name
 */
function attribute(attributes, name) {
	const text = RegExp(`(?:^|\\s)${name}=(?:"([^"]*)"|'([^']*)')`).exec(attributes);
	return (text?.[1] ?? text?.[2] ?? '').replace(/&(?:#(\d+)|#x([\da-f]+)|(\w+));/gi, (whole, decimal, hex, entity) => {
		if (entity) return ENTITIES[/** @type {keyof typeof ENTITIES} */ (entity)] ?? whole;
		return String.fromCodePoint(decimal ? Number(decimal) : Number.parseInt(hex, 16));
	});
}
