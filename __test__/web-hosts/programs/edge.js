// An edge function: it answers a `fetch` event with a stream.

import { InMemoryStreamSessionManager, isNative } from '@tmcp-native/session-manager';

const streams = new InMemoryStreamSessionManager();

addEventListener('fetch', (/** @type {any} */ event) => {
	const stream = new ReadableStream({ start: (controller) => streams.create('a', controller) });
	streams.send(undefined, 'data: ü 1\n\n');
	streams.send(['a', 'b'], `data: ${isNative}\n\n`);
	streams.delete('a');
	event.respondWith(new Response(stream));
});
