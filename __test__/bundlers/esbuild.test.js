// Bundles of esbuild, as an ES module and as CommonJS.

import { join } from 'node:path';
import { runTool, testBundler } from './builds.js';

for (const [format, extension] of [
	['esm', 'mjs'],
	['cjs', 'cjs'],
]) {
	testBundler(`esbuild --format=${format}`, async (folder, program, { out, external }) => {
		const file = join(folder, out, `main.${extension}`);
		const options = ['--bundle', '--platform=node', `--format=${format}`, `--outfile=${file}`];
		if (external !== undefined) options.push(`--external:${external}`);
		await runTool(folder, 'esbuild', program, ...options);
		return file;
	});
}
