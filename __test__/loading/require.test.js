// The package is required from CommonJS. Node.js 20.19 and later, Bun and Deno can require ES modules.
//
// Run: npm run test:js -- loading/require

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('../..', import.meta.url));
const program = fileURLToPath(new URL('../programs/require-entries.cjs', import.meta.url));

for (const [core, isNative] of /** @type {const} */ ([
	['require', true],
	['off', false],
])) {
	test(`require() returns what import returns, from all entry points, with TMCP_NATIVE=${core}`, async () => {
		const { stdout } = await promisify(execFile)(process.execPath, [program], {
			cwd: root,
			env: { ...process.env, TMCP_NATIVE: core },
			timeout: 60_000,
		});
		assert.deepEqual(JSON.parse(stdout), {
			isNative,
			received: 'message',
			different: [],
			functions: ['function', 'function', 'function'],
		});
	});
}
