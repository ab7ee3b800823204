// Requires all entry points from CommonJS, and prints as JSON whether their classes are those of an import.

const ours = require('@tmcp-native/session-manager');
const redis = require('@tmcp-native/session-manager/redis');
const node = require('@tmcp-native/session-manager/node');

main();

async function main() {
	const imported = await import('@tmcp-native/session-manager');
	const importedRedis = await import('@tmcp-native/session-manager/redis');
	const importedNode = await import('@tmcp-native/session-manager/node');
	const manager = new ours.InMemoryStreamSessionManager();
	const stream = new ReadableStream({ start: (controller) => manager.create('a', controller) });
	manager.send(['a'], 'message');
	manager.delete('a');
	console.log(
		JSON.stringify({
			isNative: ours.isNative,
			received: await new Response(stream).text(),
			different: [
				...differences(ours, imported),
				...differences(redis, importedRedis),
				...differences(node, importedNode),
			],
			functions: [
				typeof ours.InMemoryStreamSessionManager,
				typeof redis.RedisStreamSessionManager,
				typeof node.shutdown,
			],
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
