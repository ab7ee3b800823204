// Checks that Redis answers before an example starts.

import { createClient } from 'redis';

const TIMEOUT_MS = 5_000;

/**
 * Resolves when Redis answers. Otherwise prints what to do, and exits with 1.
 *
 * @param {string} url
 */
export async function requireRedis(url) {
	try {
		const client = createClient({ url, socket: { reconnectStrategy: false, connectTimeout: TIMEOUT_MS } });
		// `connect` rejects with the same error.
		client.on('error', () => {});
		await client.connect();
		await client.close();
	} catch (error) {
		const { code, message } = /** @type {NodeJS.ErrnoException} */ (error);
		const withoutPassword = url.replace(/\/\/[^/]*@/, '//');
		console.error(
			`This example needs Redis, and ${withoutPassword} does not answer (${code ?? message}). ` +
				'Start Redis with `redis-server`, or set REDIS_URL=redis://host:port.',
		);
		process.exit(1);
	}
}
