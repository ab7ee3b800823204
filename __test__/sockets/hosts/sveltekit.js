// `setResponse` of SvelteKit, which its adapter for Node.js uses.

import { createServer } from 'node:http';
import { getRequest, setResponse } from '@sveltejs/kit/node';
import { listening } from './listening.js';

/** @import { HostOptions } from './listening.js' */

/** @param {HostOptions} options */
export function start({ fetch, ...options }) {
	const server = createServer(async (incoming, outgoing) => {
		const request = await getRequest({ request: incoming, base: `http://${incoming.headers.host ?? 'localhost'}` });
		await setResponse(outgoing, await fetch(request));
	});
	return listening(server, options);
}
