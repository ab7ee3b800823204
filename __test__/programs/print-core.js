// Imports the package from the file that the first argument names, and prints as JSON which core runs, what it can do, and
// which warnings were emitted. With a second argument, a worker thread then prints the same.

import { setImmediate as turn } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { isMainThread, Worker, workerData } from 'node:worker_threads';

const [file, ofWorker] = isMainThread ? process.argv.slice(2) : workerData;
/** @type {{ code: string, message: string }[]} */
const warnings = [];
process.on('warning', (warning) => {
	const { code, message } = /** @type {Error & { code?: string }} */ (warning);
	if (code !== undefined) warnings.push({ code, message });
});

print(await import(pathToFileURL(file).href).then(describe, ({ code, message }) => ({ refused: { code, message } })));
if (ofWorker !== undefined) new Worker(new URL(import.meta.url), { workerData: [file] });

/** @param {typeof import('@tmcp-native/session-manager')} ours */
async function describe(ours) {
	const manager = new ours.InMemoryStreamSessionManager();
	const stream = new ReadableStream({ start: (controller) => manager.create('a', controller) });
	manager.send(['a', 'unknown', 'a'], 'message');
	manager.delete('a');
	const scope = 'print-core';
	// A warning is emitted in the next turn.
	await turn();
	const refusals = [
		() => new ours.InMemoryStreamSessionManager({ scope }),
		() => new ours.InMemoryInfoSessionManager({ scope }),
		() => new ours.InMemorySubscriptionManager({ scope }),
		() => new ours.RedisStreamSessionManager('redis://localhost:1'),
		() => new ours.RedisInfoSessionManager('redis://localhost:1'),
		() => new ours.RedisSubscriptionManager('redis://localhost:1'),
	];
	return {
		isNative: ours.isNative,
		received: await new Response(stream).text(),
		errors: ours.isNative ? [] : refusals.map(errorOf),
		warnings,
	};
}

/** @param {() => unknown} act */
function errorOf(act) {
	try {
		act();
	} catch (error) {
		const { code, message } = /** @type {Error & { code?: string }} */ (error);
		return { code, message };
	}
	return undefined;
}

/** @param {unknown} value */
function print(value) {
	console.log(JSON.stringify(value));
}
