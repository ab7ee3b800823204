// Builds the addon and its loader into native/, for this machine, or with more arguments of `napi build` for another:
//
//   npm run build -- --target aarch64-unknown-linux-musl --cross-compile
//
// A panic holds the path of the source it is in, and that of a crate begins with the builder's home folder. Such paths
// are rewritten to /cargo/…, so that no published file tells who built it.

import { spawnSync } from 'node:child_process';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const napi = join(root, 'node_modules', '@napi-rs', 'cli', 'dist', 'cli.js');
const more = process.argv.slice(2);
const output = ['--output-dir', 'native', '--js', 'binding.cjs', '--dts', 'binding.d.cts'];

const { RUSTFLAGS = '', CARGO_HOME = join(homedir(), '.cargo') } = process.env;
const remap = `--remap-path-prefix=${join(CARGO_HOME, 'registry', 'src')}=/cargo`;
// Added to the flags that a contributor's configuration has for the target. RUSTFLAGS, where it is set, hides them all;
// for musl, napi sets it.
const config = `target.'cfg(all())'.rustflags=${JSON.stringify([remap])}`;

const hidden = RUSTFLAGS !== '' || more.some((argument) => argument.includes('musl'));

const { status } = spawnSync(
	process.execPath,
	[napi, 'build', '--platform', '--release', ...output, ...more, '--', '--locked', '--config', config],
	{
		cwd: root,
		stdio: 'inherit',
		env: hidden ? { ...process.env, RUSTFLAGS: `${RUSTFLAGS} ${remap}`.trim() } : process.env,
	},
);
process.exit(status ?? 1);
