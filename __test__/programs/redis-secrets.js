// Does everything with managers of the URL that it is told, and prints all that it sees of them and their errors, in every
// way in which somebody may log it.

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
async function attempt(what, call) {
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
	await attempt(`new ${Manager.name}`, async () => {
		const manager = new Manager(url, options);
		await Promise.all([
			attempt('ready', () => manager.ready()),
			attempt('has', () => manager.has?.('a')),
			attempt('getClientInfo', () => manager.getClientInfo?.('a')),
			attempt('setLogLevel', () => manager.setLogLevel?.('a', 'error')),
			attempt('getSubscriptions', () => manager.getSubscriptions?.('a')),
			attempt('too much', () => manager.send?.(undefined, 'x'.repeat(2_000))),
			attempt('no notification', () => manager.send?.({ method: 'x'.repeat(2_000) })),
			attempt('flush', () => manager.flush?.()),
			attempt('the manager itself', () => manager),
			attempt('other settings', () => new Manager(url, { ...options, maxLen: 77 })),
			attempt('unknown option', () => new Manager(url, { ...options, maxLenn: 77 })),
		]);
		await attempt('stats', () => manager.stats());
		await attempt('close', () => manager.close());
		await attempt('closed', () => manager.has?.('a'));
		await attempt('closed', () => manager.send?.(undefined, 'a'));
	});
}
