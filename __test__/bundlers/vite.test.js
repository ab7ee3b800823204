// Server builds of Vite.

import { join } from 'node:path';
import { runTool, testBundler, write } from './builds.js';

testBundler('Vite SSR with noExternal', async (folder, program, { out, external }) => {
	const config = `${out}.config.mjs`;
	write(folder, {
		[config]: `
			export default {
				build: { ssr: '${program}', outDir: '${out}', rollupOptions: { output: { entryFileNames: 'main.mjs' } } },
				ssr: { noExternal: true, external: ${JSON.stringify(external === undefined ? [] : [external])} },
			};`,
	});
	await runTool(folder, 'vite', 'build', '--logLevel', 'error', '--config', config);
	return join(folder, out, 'main.mjs');
});
