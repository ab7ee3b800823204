// Fastify, whose handler writes on the response of Node.js.

import fastify from 'fastify';
import { listening } from './listening.js';
import { loopListener } from './node-loop.js';

/** @import { HostOptions } from './listening.js' */

/** @param {HostOptions} options */
export async function start({ fetch, ...options }) {
	const app = fastify();
	// The handler reads the body.
	app.removeAllContentTypeParsers();
	app.addContentTypeParser('*', (_request, _payload, done) => done(null));
	const listener = loopListener(fetch);
	app.all('/*', (request, reply) => {
		reply.hijack();
		listener(request.raw, reply.raw);
	});
	await app.ready();
	return listening(app.server, options);
}
