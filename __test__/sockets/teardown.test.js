// Processes and worker threads that end while native code writes to sockets. Each runs as a process of its own.

import assert from 'node:assert/strict';
import { execFile, fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { RawClient } from './support/raw-client.js';
import { isAvailable } from './support/setup.js';
import { until, within } from './support/until.js';
import { pathOf } from './support/web-app.js';

const run = promisify(execFile);
const pathOfProgram = (/** @type {string} */ name) => fileURLToPath(new URL(`./programs/${name}.js`, import.meta.url));
const needsProc = { skip: !existsSync('/proc/self/fd') && 'needs /proc' };

/**
 * Runs a program, and returns what it prints as JSON.
 *
 * @param {string} name
 * @param {...string} args
 */
async function resultOf(name, ...args) {
	const { stdout } = await run(process.execPath, [pathOfProgram(name), ...args]);
	return JSON.parse(stdout);
}

describe('native delivery', () => {
	it('ends the streams of a worker that is terminated, and leaves no file descriptor open', needsProc, async () => {
		const { cut, wanted } = await resultOf('terminated-workers');
		assert.equal(cut, wanted);
	});

	it('leaves no file descriptor open, in each order in which server, manager and clients end', needsProc, async () => {
		await resultOf('closed-servers');
	});

	it('writes only whole frames before the process exits', async () => {
		const CLIENTS = 30;
		const child = fork(pathOfProgram('serve'));
		const [{ port }] = await once(child, 'message');
		const clients = await Promise.all(Array.from({ length: CLIENTS }, () => RawClient.connect(port)));
		const responses = clients.map((client, index) => client.request(pathOf(`session ${index}`)));
		let direct = 0;
		child.on('message', (/** @type {any} */ state) => {
			direct = state.direct;
		});
		child.send('send');
		await until(() => direct === CLIENTS, 'all streams are direct');
		child.send('exit');
		const [code, signal] = await once(child, 'exit');
		assert.deepEqual([code, signal], [0, null]);
		for (const response of responses) {
			// Rejects when bytes are malformed.
			assert.equal(await within(response.ended, () => 'the stream ends'), 'cut');
			const messages = response.text.split('\n\n').slice(0, -1);
			const first = Number(messages[0].split(' ')[1]);
			assert.ok(messages.every((message, index) => message.startsWith(`data: ${first + index} `)));
		}
	});

	for (const what of ['close', 'drop']) {
		it(`needs no memory for a client that does not read while 100 MB are sent, with onSlowClient ${what}`, async () => {
			const { direct, grownMB, dropped, reasons } = await resultOf('broadcast-past-a-stalled-client', what);
			if (isAvailable) assert.equal(direct, 2);
			assert.ok(grownMB < 60, `the process has grown by ${grownMB} MB`);
			if (what === 'close') assert.deepEqual(reasons, { stalls: 'slow' });
			else assert.ok(dropped > 500, `${dropped} messages were dropped`);
		});
	}
});
