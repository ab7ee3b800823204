// The table of the demo: a line for each change on the server, and a column for each client. A cell is the time until the
// client's handler received the message.

/** @typedef {import('./expectations.mjs').Step & { label: string, at: number }} Step `at` is a time of `performance.now()` */

const NOT_A_RECIPIENT = '·';

/**
 * @param {Record<string, string>} introductions a description of each client, by name
 * @param {readonly Step[]} steps
 * @param {readonly { name: string, arrivals: readonly import('./recipient.mjs').Arrival[] }[]} clients
 * @param {readonly string[]} problems
 * @param {{ introduced?: string, since?: string }} [captions] meaning of the introductions, and the begin of the times
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
	console.log(`${NOT_A_RECIPIENT} not for this client; times from ${since} to the client's handler\n`);
	for (const problem of problems) console.log(`✗ ${problem}`);
	const times = [...latencies.values()].flatMap((ofClient) => [...ofClient.values()]);
	console.log(summary(steps, times, problems.length));
}

/**
 * Returns the time until each step reached the client, in ms. Of two equal messages, the first belongs to the earlier step.
 *
 * @param {{ name: string, arrivals: readonly import('./recipient.mjs').Arrival[] }} client
 * @param {readonly Step[]} steps
 * @returns {Map<Step, number>}
 */
function latenciesOf({ name, arrivals }, steps) {
	const remaining = [...arrivals];
	const latencies = new Map();
	for (const step of steps.filter(({ to }) => to.includes(name))) {
		const index = remaining.findIndex(({ message }) => message === step.message);
		if (index >= 0) latencies.set(step, remaining.splice(index, 1)[0].at - step.at);
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
	if (!step.to.includes(name)) return NOT_A_RECIPIENT;
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
	const expected = steps.reduce((sum, { to }) => sum + to.length, 0);
	if (problemCount > 0) return `FAILED: ${latencies.length} of ${expected} messages arrived. See the problems above.`;
	const [median, slowest] = [0.5, 1].map((share) => quantile(latencies, share).toFixed(1));
	return `${expected} of ${expected} messages arrived, each exactly once and at no other client; median ${median} ms, slowest ${slowest} ms.`;
}

/**
 * @param {number[]} values
 * @param {number} share
 */
function quantile(values, share) {
	const sorted = values.toSorted((a, b) => a - b);
	return sorted[Math.ceil(sorted.length * share) - 1];
}
