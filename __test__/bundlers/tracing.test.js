// File tracing with @vercel/nft, which decides what is copied to a Vercel function, to `output: 'standalone'` of Next.js and to
// the output of Nitro.

import assert from 'node:assert/strict';
import { cpSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { nodeFileTrace } from '@vercel/nft';
import { assertNative, copyElsewhere, createProject, run, slug, uses } from './builds.js';
import { binary } from './published.js';

for (const use of uses) {
	test(`@vercel/nft: ${use.how}, the package is traced with its binary, and runs natively in another folder`, async () => {
		const folder = await createProject(slug(use.how), use);
		const traced = await trace(folder, use.program);
		const place = use.isPublished ? binary.replace(/[^/]+$/, '') : `${use.specifier}/native/`;
		const binaries = traced.files.filter((file) => file.endsWith('.node'));
		assert.deepEqual(
			binaries.map((file) => file.replace(/[^/]+$/, '')),
			[`node_modules/${place}`],
		);
		assert.ok(traced.files.includes(`node_modules/${use.specifier}/lib/native/load.cjs`));
		const moved = copyElsewhere(traced.folder, slug(use.how));
		assertNative(await run(join(moved, use.program)), use.received);
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
