// What the programs that are left running have in common: they say how to try them, and stop when they are told to.

import { tryIt } from './try-it.mjs';

const { PORT = '3000' } = process.env;

/**
 * @param {string} program its file
 * @param {(port: number) => Promise<{ url: string, about: string, close: () => Promise<void> }>} start
 */
export async function serve(program, start) {
	const server = await start(Number(PORT)).catch((error) => {
		if (error.code !== 'EADDRINUSE') throw error;
		console.error(`Port ${PORT} is taken. Another one: PORT=3001 node examples/${program}`);
		process.exit(1);
	});

	console.log(`${server.about} listens on ${server.url} (Ctrl+C stops it). In another terminal:\n`);
	for (const { why, type } of tryIt(server.url)) console.log(`${why}\n\n${type.replace(/^/gm, '  ')}\n`);

	for (const signal of ['SIGINT', 'SIGTERM']) {
		// Once: who asks a second time gets Node's own way, which does not wait.
		process.once(signal, async () => {
			await server.close();
			console.log('Stopped.');
		});
	}
}
