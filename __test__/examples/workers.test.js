// The example of several threads, seen from outside: whichever of them a request lands in, it reaches all sessions.

import { describe } from 'node:test';
import { testSeveralServers } from '../suites/several-servers.js';
import { run } from '../support/programs.js';

const THREADS = 3;

describe('a server of several threads on one port', () => {
	testSeveralServers({
		count: THREADS,
		async start(test) {
			const server = run(process.execPath, ['examples/workers.mjs'], { PORT: '0', WORKERS: String(THREADS) });
			// Where the test fails before it does so itself.
			test.after(server.stop);
			const [url] = await server.until(/http:\S+/);
			return { server, url };
		},
	});
});
