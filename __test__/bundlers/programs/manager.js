// Serves a stream with a manager that is imported by the package's own name, and prints what it received and on which core.

import { InMemoryStreamSessionManager, isNative } from '@tmcp-native/session-manager';

async function main() {
	const manager = new InMemoryStreamSessionManager();
	const stream = new ReadableStream({ start: (controller) => manager.create('a', controller) });
	manager.send(['a'], 'to a, ');
	manager.send(undefined, 'to all');
	manager.delete('a');
	console.log(JSON.stringify({ isNative, received: await new Response(stream).text() }));
}

main();
