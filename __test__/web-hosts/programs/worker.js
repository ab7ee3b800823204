// A Cloudflare Worker. A Durable Object keeps the sessions of all requests. The Worker itself has those of one request.

import { InMemoryStreamSessionManager, isNative, RedisStreamSessionManager } from '@tmcp-native/session-manager';

export default {
	/**
	 * @param {Request} request
	 * @param {any} env
	 */
	fetch(request, env) {
		const { pathname } = new URL(request.url);
		if (pathname === '/core') return Response.json(core());
		if (pathname === '/alone') return alone();
		return env.SESSIONS.get(env.SESSIONS.idFromName('all')).fetch(request);
	},
};

export class Sessions {
	#streams = new InMemoryStreamSessionManager({ keepAliveMs: 50, maxQueuedBytes: 1_000 });

	/** @param {Request} request */
	async fetch(request) {
		const { pathname, searchParams } = new URL(request.url);
		const id = String(searchParams.get('id'));
		if (pathname === '/open') {
			const stream = new ReadableStream({ start: (controller) => this.#streams.create(id, controller) });
			// Without this type, workerd waits for more bytes before it sends the first ones.
			return new Response(stream, { headers: { 'content-type': 'text/event-stream' } });
		}
		if (pathname === '/send') this.#streams.send(undefined, await request.text());
		if (pathname === '/delete') this.#streams.delete(id);
		const { sessions, closed } = this.#streams.stats();
		return Response.json({ sessions, deleted: closed.deleted, has: await this.#streams.has(id) });
	}
}

/** Serves a stream that gets its messages in the same request. */
function alone() {
	const streams = new InMemoryStreamSessionManager();
	const stream = new ReadableStream({ start: (controller) => streams.create('a', controller) });
	streams.send(undefined, 'data: ü 1\n\n');
	streams.send(['a', 'b'], 'data: \u{1f600} 2\n\n');
	streams.delete('a');
	return new Response(stream);
}

/** Returns which core runs, and the errors of what needs the addon. */
function core() {
	const refused = [
		() => new InMemoryStreamSessionManager({ scope: 'a' }),
		() => new RedisStreamSessionManager('redis://127.0.0.1'),
	].map((make) => {
		try {
			return make();
		} catch (error) {
			const { code, message } = /** @type {Error & { code: string }} */ (error);
			return { code, message };
		}
	});
	return { isNative, refused };
}
