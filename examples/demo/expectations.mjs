// Compares the messages that each client must receive with those that it received. Independent of servers and clients.

/**
 * @typedef {object} Step A change on the server
 * @property {string} message the message that the server sends
 * @property {readonly string[]} to names of the clients that must receive it
 */

/**
 * Describes what is wrong. Returns an empty array if each message arrived exactly once, in order, and at no other client.
 *
 * @param {readonly Step[]} steps in the order in which they happened
 * @param {Readonly<Record<string, readonly string[]>>} received messages of each client, in the order of their arrival
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
		const expectedCount = count(expected, message);
		const receivedCount = count(received, message);
		if (receivedCount === expectedCount) return [];
		if (expectedCount === 0) return `${client} received "${message}", which was for other clients`;
		const kind = receivedCount < expectedCount ? 'missing' : 'duplicate';
		return `${client} received "${message}" ${receivedCount}×, not ${expectedCount}×: ${kind}`;
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
