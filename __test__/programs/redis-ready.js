// Connects to the Redis of the URL given, and prints 'ready', or the code of the cause.

import { RedisStreamSessionManager } from '@tmcp-native/session-manager/redis';

const streams = new RedisStreamSessionManager(process.argv[2], { commandTimeoutMs: 5_000 });
try {
	await streams.ready();
	console.log('ready');
} catch (error) {
	const { code, message } = /** @type {any} */ (error).cause;
	console.log(`${code} ${message}`);
}
await streams.close();
