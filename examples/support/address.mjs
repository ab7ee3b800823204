// The address of the example servers.

/** Only this machine can connect: the examples have no authentication. */
export const HOST = '127.0.0.1';

export const PATH = '/mcp';

/** @param {number} port */
export function urlOf(port) {
	return `http://${HOST}:${port}${PATH}`;
}
