// Bundles of Bun, and the executables of `bun build --compile`.

import { join } from 'node:path';
import { checkout, execute } from '../pack/projects.js';
import { testBundler } from './builds.js';

const bun = join(checkout, '__test__', 'runtimes', 'node_modules', '@oven', 'bun-linux-x64', 'bin', 'bun');

testBundler('bun build --target=node', async (folder, program, { out, external }) => {
	const file = join(folder, out, 'main.mjs');
	const externals = external === undefined ? [] : ['--external', external];
	await execute(folder, bun, 'build', program, '--target=node', '--outfile', file, ...externals);
	return file;
});

testBundler(
	'bun build --compile',
	async (folder, program, { out }) => {
		const file = join(folder, out, 'main');
		await execute(folder, bun, 'build', '--compile', program, '--outfile', file);
		return file;
	},
	// The executable is run itself. It does not look for externals in node_modules.
	{ command: [], hasExternals: false },
);
