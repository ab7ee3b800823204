// A process with managers that have all there is to be done regularly, and open streams: nothing of it keeps it alive.

import { InMemoryStreamSessionManager } from '@tmcp-native/session-manager';

import { fakeController, openStream } from './streams.js';

for (const scope of [undefined, 'unattended']) {
	const manager = new InMemoryStreamSessionManager({
		scope,
		keepAliveMs: 60_000,
		maxAgeMs: 60_000,
		maxQueuedBytes: 1_000,
		coalesce: true,
		sliceMs: 1,
		maxSessions: 10,
		onClose() {},
	});
	manager.create('a', openStream().controller);
	manager.create('b', fakeController());
	manager.send(undefined, 'message');
}
process.on('exit', () => console.log('ended'));
