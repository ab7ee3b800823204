// Intended differences from upstream.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { InMemoryStreamSessionManager } from '@tmcp-native/session-manager';

import { testStreamDifferences } from '../suites/stream-differences.js';
import { upstream03 } from '../support/implementations.js';
import { openStream } from '../support/streams.js';

testStreamDifferences({ make: (options) => new InMemoryStreamSessionManager(options) });

describe('create with the id of a live session', () => {
	test('in upstream leaves the older stream open, and no call can close it', async () => {
		const manager = upstream03.make();
		const older = openStream();
		manager.create('a', older.controller);
		manager.create('a', openStream().controller);
		manager.delete('a');
		older.controller.enqueue('still open');
		assert.deepEqual((await older.reader.read()).value, 'still open');
	});
});
