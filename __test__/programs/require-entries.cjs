// Requires both entry points from CommonJS, and prints as JSON whether their classes are those of an import.

const ours = require('@tmcp-native/session-manager');
const redis = require('@tmcp-native/session-manager/redis');

main();

async function main() {
	const imported = await import('@tmcp-native/session-manager');
	const importedRedis = await import('@tmcp-native/session-manager/redis');
	const manager = new ours.InMemoryStreamSessionManager();
	const stream = new ReadableStream({ start: (controller) => manager.create('a', controller) });
	manager.send(['a'], 'message');
	manager.delete('a');
	console.log(
		JSON.stringify({
			isNative: ours.isNative,
			received: await new Response(stream).text(),
			different: [...differences(ours, imported), ...differences(redis, importedRedis)],
			classes: [typeof ours.InMemoryStreamSessionManager, typeof redis.RedisStreamSessionManager],
		}),
	);
}

/**
 * Returns the names that only one of the modules exports, or that each exports with another value.
 *
 * @param {Record<string, unknown>} required
 * @param {Record<string, unknown>} imported
 */
function differences(required, imported) {
	const names = new Set([...Object.keys(required), ...Object.keys(imported)]);
	return [...names].filter((name) => required[name] !== imported[name]);
}
