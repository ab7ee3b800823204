// A real file system that is mounted with noexec, in a mount namespace that ends with its process.
//
// Run: npm run test:js -- loading/noexec

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const program = fileURLToPath(new URL('../programs/print-core.js', import.meta.url));

/** Runs a shell script in a new mount namespace. That needs root. */
const inNamespace = [...(process.getuid?.() === 0 ? [] : ['sudo', '-n']), 'unshare', '--mount', 'sh', '-euc'];
/** Mounts over /mnt, which is seen only in the new namespace. */
const MOUNT = 'mount -t tmpfs -o noexec tmpfs /mnt';
const trial = process.platform === 'linux' ? start([MOUNT]) : undefined;
const reason = trial?.error?.message ?? trial?.stderr.trim();
const notPermitted = trial?.status !== 0 && `a mount is not permitted here: ${reason ?? 'needs Linux'}`;
const skip =
	process.versions.deno === undefined
		? notPermitted
		: 'Deno resolves #platform only in node_modules and in the project of the program';

test('on a file system that is mounted with noexec, the JavaScript core is used, and the warning says noexec', {
	skip,
}, () => {
	const script = `${MOUNT}
		cp -R lib native package.json /mnt
		exec "$@"`;
	const { status, stdout, stderr } = start([script, 'sh', process.execPath, program, '/mnt/lib/index.js']);
	assert.equal(status, 0, stderr);
	const { isNative, received, warnings } = JSON.parse(stdout);
	assert.deepEqual({ isNative, received }, { isNative: false, received: 'message' });
	const ours = warnings.filter((/** @type {{ code: string }} */ { code }) => code === 'TMCP_NATIVE_FALLBACK');
	assert.equal(ours.length, 1);
	assert.match(ours[0].message, /Its file system is mounted with noexec\./);
});

/** @param {string[]} args the script, and its arguments */
function start(args) {
	const [command, ...options] = inNamespace;
	// The choice of a core for the tests themselves is left out.
	const { TMCP_NATIVE, ...env } = process.env;
	return spawnSync(command, [...options, ...args], { cwd: root, env, encoding: 'utf8', timeout: 60_000 });
}
