// srvx, which tmcp's documentation uses.

import { serve } from 'srvx/node';
import { listening } from './listening.js';

/** @import { Server } from 'node:http' */
/** @import { HostOptions } from './listening.js' */

/** @param {HostOptions} options */
export async function start({ fetch, ...options }) {
	const app = serve({ fetch, port: 0, hostname: '127.0.0.1', silent: true, manual: true, gracefulShutdown: false });
	const server = /** @type {Server} */ (app.node?.server);
	return listening(server, options);
}
