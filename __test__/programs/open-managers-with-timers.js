// Leaves managers with timers, and their streams, open: they must not keep the process alive.

import { InMemoryStreamSessionManager, isNative } from '@tmcp-native/session-manager';

import { fakeController, openStream } from '../support/streams.js';

for (const scope of isNative ? [undefined, 'open managers with timers'] : [undefined]) {
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
