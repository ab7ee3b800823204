// All hosts, by name.

import * as express from './express.js';
import * as fastify from './fastify.js';
import * as fastifyRaw from './fastify-raw.js';
import * as hono from './hono.js';
import * as nodeLoop from './node-loop.js';
import * as nodePipe from './node-pipe.js';
import * as nodePipeline from './node-pipeline.js';
import * as remix from './remix.js';
import * as srvx from './srvx.js';
import * as sveltekit from './sveltekit.js';

/** @import { Host, HostOptions } from './listening.js' */

/** @type {Record<string, (options: HostOptions) => Promise<Host>>} */
export const hosts = {
	'node:http with a loop': nodeLoop.start,
	'node:http with pipe': nodePipe.start,
	'node:http with pipeline': nodePipeline.start,
	srvx: srvx.start,
	Hono: hono.start,
	Express: express.start,
	Fastify: fastify.start,
	'Fastify with reply.raw': fastifyRaw.start,
	'@remix-run/node-fetch-server': remix.start,
	SvelteKit: sveltekit.start,
};
