// Builds the addon and its types into native/. (lib/native/load.cjs loads it.) Arguments of `napi build` can be added, for
// instance to build for another platform:
//
//   npm run build -- --target aarch64-unknown-linux-musl --cross-compile
//
// A panic message contains the path of its source file. For a crate, that path begins with the home folder of the user who
// built the addon. Such paths are rewritten to /cargo/…, so that no published file names a user.

import { spawnSync } from 'node:child_process';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { buildDigest, recordBuild } from './build-stamp.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const napi = join(root, 'node_modules', '@napi-rs', 'cli', 'dist', 'cli.js');
const extraArgs = process.argv.slice(2);
const output = ['--output-dir', 'native', '--no-js', '--dts', 'binding.d.cts'];

const { RUSTFLAGS = '', CARGO_HOME = join(homedir(), '.cargo') } = process.env;
const remap = `--remap-path-prefix=${join(CARGO_HOME, 'registry', 'src')}=/cargo`;
// Cargo adds these flags to those of a contributor's configuration. If RUSTFLAGS is set, Cargo ignores all of them. For musl,
// napi sets RUSTFLAGS.
const config = `target.'cfg(all())'.rustflags=${JSON.stringify([remap])}`;

const isConfigIgnored = RUSTFLAGS !== '' || extraArgs.some((argument) => argument.includes('musl'));

// From before the build: a source that changes meanwhile is built again next time.
const built = buildDigest();
const { status } = spawnSync(
	process.execPath,
	[napi, 'build', '--platform', '--release', ...output, ...extraArgs, '--', '--locked', '--config', config],
	{
		cwd: root,
		stdio: 'inherit',
		env: isConfigIgnored ? { ...process.env, RUSTFLAGS: `${RUSTFLAGS} ${remap}`.trim() } : process.env,
	},
);
// With arguments, the addon may be one for another platform.
if (status === 0 && extraArgs.length === 0) recordBuild(built);
process.exit(status ?? 1);
