// A program that serves event streams, broadcasts the messages that it is asked for, and reports its memory usage.
//
//   node --expose-gc broadcasting-server.js <'ours' | 'upstream'> <options of the manager, in JSON>
//
// The process that started it drives it with messages: see broadcasting.js.

import { messageOf } from './numbered-messages.js';
import { serveStreams } from './stream-server.js';

/** @typedef {{ from: number, to: number }} Order range of messages to send */
/** @typedef {ReturnType<typeof report>} Report */

const [side, options] = process.argv.slice(2);
const { InMemoryStreamSessionManager } = await import(side === 'ours' ? '../../../../lib/index.js' : 'upstream');

/** @type {[id: string, reason: string][]} */
const closed = [];
const onClose = (/** @type {string} */ id, /** @type {string} */ reason) => closed.push([id, reason]);
const manager = new InMemoryStreamSessionManager({ ...JSON.parse(options), onClose });
const server = await serveStreams(() => manager);

process.on('message', ({ from, to }) => {
	for (let number = from; number < to; number++) manager.send(undefined, messageOf(number));
	// After the messages for the reading clients were written to their sockets.
	setImmediate(() => {
		// Collects garbage, so that only referenced memory counts.
		globalThis.gc?.();
		process.send?.(report());
	});
});
process.on('disconnect', () => process.exit());
process.send?.({ port: server.port });

function report() {
	const { rss, arrayBuffers } = process.memoryUsage();
	/** @type {import('../../../../index.js').StreamStats | undefined} */
	const stats = manager.stats?.();
	return { rss, arrayBuffers, closed, stats };
}
