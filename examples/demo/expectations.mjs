// Compares what every client was to receive with what it did receive. Knows of no server and no client.

/**
 * @typedef {object} Step A change on the server
 * @property {string} message what it sends
 * @property {readonly string[]} to the names of the clients that are to receive it
 */

/**
 * Says what is wrong, in sentences; nothing if every message arrived exactly once, in order, and at nobody else.
 *
 * @param {readonly Step[]} steps in the order they happened
 * @param {Readonly<Record<string, readonly string[]>>} received the messages of each client, in the order they came
 * @returns {string[]}
 */
export function problems(steps, received) {
	const clients = new Set([...Object.keys(received), ...steps.flatMap(({ to }) => to)]);
	return [...clients].flatMap((client) => {
		const expected = steps.filter(({ to }) => to.includes(client)).map(({ message }) => message);
		return problemsOf(client, expected, received[client] ?? []);
	});
}

/**
 * @param {string} client
 * @param {readonly string[]} expected
 * @param {readonly string[]} received
 */
function problemsOf(client, expected, received) {
	const found = [...new Set([...expected, ...received])].flatMap((message) => {
		const due = count(expected, message);
		const got = count(received, message);
		if (got === due) return [];
		if (due === 0) return `${client} received "${message}", which was for others`;
		return `${client} received "${message}" ${got}×, not ${due}×: ${got < due ? 'missing' : 'duplicate'}`;
	});
	if (found.length > 0 || expected.every((message, index) => received[index] === message)) return found;
	return [`${client} received everything, but in another order: ${received.join(', ')}`];
}

/**
 * @param {readonly string[]} messages
 * @param {string} message
 */
function count(messages, message) {
	return messages.filter((one) => one === message).length;
}
