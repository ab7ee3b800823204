// Calls every method of managers with the given URL, and prints the results and errors in every way in which a program may log
// them.

import { inspect } from 'node:util';

import {
	RedisInfoSessionManager,
	RedisStreamSessionManager,
	RedisSubscriptionManager,
} from '@tmcp-native/session-manager/redis';

const url = process.argv[2];
const options = {
	commandTimeoutMs: 200,
	maxPendingBytes: 1_000,
	onError: (/** @type {unknown} */ error) => print('onError', error),
	onGap: (/** @type {unknown} */ gap) => print('onGap', gap),
};

/**
 * @param {string} what
 * @param {any} value
 */
function print(what, value) {
	console.log(what, value);
	console.log(inspect(value, { showHidden: true, depth: 20, getters: true, showProxy: true }));
	console.log(String(value), JSON.stringify(value), value?.stack, value?.code, inspect(value?.cause));
}

/**
 * @param {string} what
 * @param {() => unknown} call
 */
async function printResult(what, call) {
	try {
		print(what, await call());
	} catch (error) {
		print(`${what} failed`, error);
	}
}

for (const Manager of /** @type {any[]} */ ([
	RedisStreamSessionManager,
	RedisInfoSessionManager,
	RedisSubscriptionManager,
])) {
	await printResult(`new ${Manager.name}`, async () => {
		const manager = new Manager(url, options);
		await Promise.all([
			printResult('ready', () => manager.ready()),
			printResult('has', () => manager.has?.('a')),
			printResult('getClientInfo', () => manager.getClientInfo?.('a')),
			printResult('setLogLevel', () => manager.setLogLevel?.('a', 'error')),
			printResult('getSubscriptions', () => manager.getSubscriptions?.('a')),
			printResult('too large', () => manager.send?.(undefined, 'x'.repeat(2_000))),
			printResult('invalid notification', () => manager.send?.({ method: 'x'.repeat(2_000) })),
			printResult('flush', () => manager.flush?.()),
			printResult('the manager itself', () => manager),
			printResult('other settings', () => new Manager(url, { ...options, maxLen: 77 })),
			printResult('unknown option', () => new Manager(url, { ...options, maxLenn: 77 })),
		]);
		await printResult('stats', () => manager.stats());
		await printResult('close', () => manager.close());
		await printResult('closed', () => manager.has?.('a'));
		await printResult('closed', () => manager.send?.(undefined, 'a'));
	});
}
