// Express, with srvx as its adapter.

import { createServer } from 'node:http';
import express from 'express';
import { toNodeHandler } from 'srvx/node';
import { listening } from './listening.js';

/** @import { HostOptions } from './listening.js' */

/** @param {HostOptions & { use?: import('express').RequestHandler[] }} options `use`: middleware */
export function start({ fetch, use = [], ...options }) {
	const app = express();
	for (const middleware of use) app.use(middleware);
	app.use(/** @type {any} */ (toNodeHandler(fetch)));
	return listening(createServer(app), options);
}
