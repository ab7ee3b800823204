// A program: a server of event streams that broadcasts as much as it is told to, and says what memory it has then.
//
//   node --expose-gc broadcasting-server.js <'ours' | 'upstream'> <options of the manager, in JSON>
//
// It is driven by messages of the process that started it: see broadcasting.js.

import { messageOf } from './numbered-messages.js';
import { serveStreams } from './stream-server.js';

/** @typedef {{ from: number, to: number }} Order which messages to send */
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
	// When what good clients are to get is on its way to them.
	setImmediate(() => {
		// What is kept counts, and not what has not been collected yet.
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
