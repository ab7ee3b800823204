// Hono on @hono/node-server, which replaces the global `Request` and `Response`.

import { createAdaptorServer } from '@hono/node-server';
import { Hono } from 'hono';
import { listening } from './listening.js';

/** @import { Server } from 'node:http' */
/** @import { HostOptions } from './listening.js' */

// Before the first server replaces them.
const { Request, Response } = globalThis;

/** @param {HostOptions} options */
export async function start({ fetch, ...options }) {
	const app = new Hono();
	app.all('*', ({ req }) => fetch(req.raw));
	const server = /** @type {Server} */ (createAdaptorServer({ fetch: app.fetch }));
	const host = await listening(server, options);
	return {
		...host,
		async stop() {
			await host.stop();
			// For the next host in this process.
			for (const [name, value] of Object.entries({ Request, Response })) {
				Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });
			}
		},
	};
}
