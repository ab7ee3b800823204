// Bundles of Rollup.

import { join } from 'node:path';
import { runTool, testBundler, write } from './builds.js';

testBundler('Rollup', async (folder, program, { out, external }) => {
	const config = `${out}.config.mjs`;
	write(folder, {
		[config]: `
			import commonjs from '@rollup/plugin-commonjs';
			import resolve from '@rollup/plugin-node-resolve';
			export default {
				input: '${program}',
				output: { dir: '${out}', format: 'es', entryFileNames: 'main.mjs' },
				external: ${JSON.stringify(external === undefined ? [] : [external])},
				plugins: [resolve({ preferBuiltins: true, exportConditions: ['node'] }), commonjs()],
			};`,
	});
	await runTool(folder, 'rollup', '--silent', '--config', config);
	return join(folder, out, 'main.mjs');
});
