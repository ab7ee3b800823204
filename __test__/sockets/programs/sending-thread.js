// A thread that sends to sessions of other threads all the time, until it gets a message. It posts a message when it has begun,
// and another one at the end: the number of messages that it has sent.

import { parentPort, workerData } from 'node:worker_threads';
import { InMemoryStreamSessionManager } from '@tmcp/session-manager';

const { scope, ids, name } = workerData;
const BURST = 5;

const manager = new InMemoryStreamSessionManager({ scope });
let sent = 0;

function send() {
	// Each seventh one is long, so that sockets have to wait for their clients.
	const text = `data: ${name} ${sent} ${'x'.repeat(sent % 7 === 0 ? 5000 : 20)}\n\n`;
	if (sent % 3 === 0) manager.send(undefined, text);
	else if (sent % 3 === 1) manager.send(ids, text);
	else for (const id of ids) manager.send([id], text);
	sent++;
}

const timer = setInterval(() => {
	for (let message = 0; message < BURST; message++) send();
	if (sent === BURST) parentPort?.postMessage('started');
}, 1);

parentPort?.once('message', () => {
	clearInterval(timer);
	parentPort?.postMessage(sent);
});
