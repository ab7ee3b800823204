// Bundles of webpack 5 for Node.js, as CommonJS and as an ES module. It has no command of its own without another package.

import { join } from 'node:path';
import { execute } from '../pack/projects.js';
import { testBundler, write } from './builds.js';

for (const isModule of [false, true]) {
	testBundler(`webpack 5 (${isModule ? 'ES module' : 'CommonJS'})`, async (folder, program, { out, external }) => {
		const file = isModule ? 'main.mjs' : 'main.cjs';
		const externals = external && { [external]: isModule ? `module ${external}` : `node-commonjs ${external}` };
		const configuration = {
			mode: 'production',
			target: 'node',
			entry: `./${program}`,
			output: { path: join(folder, out), filename: file, module: isModule },
			experiments: { outputModule: isModule },
			externals: externals ?? {},
		};
		const script = `${out}.mjs`;
		write(folder, {
			[script]: `
				import webpack from 'webpack';
				webpack(${JSON.stringify(configuration)}, (error, stats) => {
					if (error) throw error;
					if (stats.hasErrors()) throw new Error(stats.toString());
				});`,
		});
		await execute(folder, process.execPath, script);
		return join(folder, out, file);
	});
}
