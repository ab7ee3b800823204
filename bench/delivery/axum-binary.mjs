// The server in Rust, built by Cargo when it is needed.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const MANIFEST = fileURLToPath(new URL('axum/Cargo.toml', import.meta.url));
const TARGET = new URL('../../target/bench-axum/', import.meta.url);
const BINARY = fileURLToPath(new URL('release/delivery-axum', TARGET));

/**
 * Returns the path of the binary, or why there is none.
 *
 * @param {boolean} builds false to use a binary of an earlier run only
 * @returns {{ path?: string, missing?: string }}
 */
export function axumBinary(builds) {
	if (!builds) return existsSync(BINARY) ? { path: BINARY } : { missing: 'a full run builds it' };
	const args = ['build', '--release', '--locked', '--quiet', '--manifest-path', MANIFEST];
	const { status, error, stderr } = spawnSync('cargo', [...args, '--target-dir', fileURLToPath(TARGET)], {
		encoding: 'utf8',
		stdio: ['ignore', 'ignore', 'pipe'],
	});
	return status === 0 ? { path: BINARY } : { missing: `cargo build failed: ${error?.message ?? stderr.trim()}` };
}
