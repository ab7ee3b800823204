// Where the servers of the examples are found.

/** This machine only: there is no authentication. */
export const HOST = '127.0.0.1';

export const PATH = '/mcp';

/** @param {number} port */
export function urlOf(port) {
	return `http://${HOST}:${port}${PATH}`;
}
