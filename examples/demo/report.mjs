// The demo's table: a line for each change on the server, a column for each client, and in between after how long the
// client's handler had the message.

/** @typedef {import('./expectations.mjs').Step & { label: string, at: number }} Step `at` as `performance.now()` says it */

const NOT_MEANT = '·';

/**
 * @param {Record<string, string>} introductions what to know of the clients, by their names
 * @param {readonly Step[]} steps
 * @param {readonly { name: string, arrivals: readonly import('./recipient.mjs').Arrival[] }[]} clients
 * @param {readonly string[]} problems
 * @param {{ introduced?: string, since?: string }} [captions] what the introductions say, and what the times begin with
 */
export function printReport(introductions, steps, clients, problems, captions = {}) {
	const { introduced = 'subscribed to', since = 'the change on the server' } = captions;
	const latencies = new Map(clients.map((client) => [client.name, latenciesOf(client, steps)]));
	const names = Object.keys(introductions);
	const rows = [
		['the server', 'sends', ...names],
		['', `(${introduced})`, ...names.map((name) => introductions[name])],
		...steps.map((step) => [step.label, step.message, ...names.map((name) => cell(step, name, latencies.get(name)))]),
	];
	console.log(`\n${align(rows)}\n`);
	console.log(`${NOT_MEANT} not for this client; times from ${since} to the client's handler\n`);
	for (const problem of problems) console.log(`✗ ${problem}`);
	const times = [...latencies.values()].flatMap((ofClient) => [...ofClient.values()]);
	console.log(summary(steps, times, problems.length));
}

/**
 * The time each step took to reach a client, in ms. Of two equal messages the first one is taken for the earlier step's.
 *
 * @param {{ name: string, arrivals: readonly import('./recipient.mjs').Arrival[] }} client
 * @param {readonly Step[]} steps
 * @returns {Map<Step, number>}
 */
function latenciesOf({ name, arrivals }, steps) {
	const left = [...arrivals];
	const latencies = new Map();
	for (const step of steps.filter(({ to }) => to.includes(name))) {
		const index = left.findIndex(({ message }) => message === step.message);
		if (index >= 0) latencies.set(step, left.splice(index, 1)[0].at - step.at);
	}
	return latencies;
}

/**
 * @param {Step} step
 * @param {string} name
 * @param {Map<Step, number> | undefined} latencies
 */
function cell(step, name, latencies) {
	if (step.message === '') return '';
	if (!step.to.includes(name)) return NOT_MEANT;
	const ms = latencies?.get(step);
	return ms === undefined ? 'MISSING' : `${ms.toFixed(1)} ms`;
}

/** @param {readonly string[][]} rows */
function align(rows) {
	const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
	const pad = (/** @type {string} */ text, /** @type {number} */ column) =>
		column < 2 ? text.padEnd(widths[column]) : text.padStart(widths[column]);
	return rows.map((row) => row.map(pad).join('   ').trimEnd()).join('\n');
}

/**
 * @param {readonly Step[]} steps
 * @param {number[]} latencies
 * @param {number} problemCount
 */
function summary(steps, latencies, problemCount) {
	const due = steps.reduce((sum, { to }) => sum + to.length, 0);
	if (problemCount > 0) return `FAILED: ${latencies.length} of ${due} messages arrived, and see above.`;
	const [median, slowest] = [0.5, 1].map((share) => quantile(latencies, share).toFixed(1));
	return `${due} of ${due} messages arrived, each exactly once and at nobody else; median ${median} ms, slowest ${slowest} ms.`;
}

/**
 * @param {number[]} values
 * @param {number} share
 */
function quantile(values, share) {
	const sorted = values.toSorted((a, b) => a - b);
	return sorted[Math.ceil(sorted.length * share) - 1];
}
