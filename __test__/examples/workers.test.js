// Runs the example of several threads: a request to any thread reaches the sessions of all threads.

import { describe } from 'node:test';
import { testSeveralServers } from '../suites/several-servers.js';
import { run } from '../support/programs.js';

const THREADS = 3;

describe('a server of several threads on one port', () => {
	testSeveralServers({
		count: THREADS,
		async start(test) {
			const server = run(process.execPath, ['examples/workers.mjs'], { PORT: '0', WORKERS: String(THREADS) });
			// For a test that fails before it stops the server.
			test.after(server.stop);
			const [url] = await server.until(/http:\S+/);
			return { server, url };
		},
	});
});
