// `createRequestListener` of @remix-run/node-fetch-server.

import { createServer } from 'node:http';
import { createRequestListener } from '@remix-run/node-fetch-server';
import { listening } from './listening.js';

/** @import { HostOptions } from './listening.js' */

/** @param {HostOptions} options */
export function start({ fetch, ...options }) {
	return listening(createServer(createRequestListener(fetch)), options);
}
