// File tracing with @vercel/nft, which decides what is copied to a Vercel function, to `output: 'standalone'` of Next.js and to
// the output of Nitro.

import assert from 'node:assert/strict';
import { cpSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { nodeFileTrace } from '@vercel/nft';
import { assertNative, copyElsewhere, createProject, run, uses } from './builds.js';

for (const { how, program, specifier, received, manifest } of uses) {
	test(`@vercel/nft: ${how}, the package is traced with its binary, and runs natively in another folder`, async () => {
		const folder = await createProject(specifier.split('/')[0], manifest);
		const traced = await trace(folder, program);
		for (const needed of [/\/native\/load\.cjs$/, /\/native\/session-manager\.[\w-]+\.node$/]) {
			assert.ok(
				traced.files.some((file) => needed.test(file)),
				`${needed} in ${traced.files.join('\n')}`,
			);
		}
		const moved = copyElsewhere(traced.folder, `traced-${specifier.replace('/', '-')}`);
		assertNative(await run(join(moved, program)), received);
	});
}

/**
 * @param {string} folder
 * @param {string} program
 */
async function trace(folder, program) {
	const { fileList, warnings } = await nodeFileTrace([join(folder, program)], { base: folder });
	for (const { message } of warnings) {
		assert.match(message, /^Failed to resolve dependency "@tmcp-native\/session-manager-[\w-]+":/);
	}
	const out = join(folder, 'standalone');
	for (const file of fileList) {
		mkdirSync(dirname(join(out, file)), { recursive: true });
		cpSync(join(folder, file), join(out, file), { verbatimSymlinks: true });
	}
	return { folder: out, files: [...fileList] };
}
