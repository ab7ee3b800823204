// Fastify, which sends web responses itself.

import fastify from 'fastify';
import { listening } from './listening.js';
import { toRequest } from './requests.js';

/** @import { HostOptions } from './listening.js' */

/** @param {HostOptions} options */
export async function start({ fetch, ...options }) {
	const app = fastify();
	// The handler reads the body.
	app.removeAllContentTypeParsers();
	app.addContentTypeParser('*', (_request, _payload, done) => done(null));
	app.all('/*', async ({ raw }, reply) => reply.send(await fetch(toRequest(raw))));
	await app.ready();
	return listening(app.server, options);
}
