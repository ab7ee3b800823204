// Adds the optional packages of other platforms to a lock file, so that `npm ci` works on all platforms.
//
// npm leaves an optional dependency out of the lock file when the registry does not have it, for example a mirror with the
// packages of one platform only. `npm ci` then rejects the lock file. The added entries have the versions that the parent
// package pins. They have no checksum, because only the registry knows it.
//
//   npm install && node scripts/complete-lock.mjs package-lock.json

import { readFileSync, writeFileSync } from 'node:fs';

const SYSTEMS = ['android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'win32', 'aix'];
const PROCESSORS = ['arm64', 'arm', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'x64', 'wasm32'];

for (const path of process.argv.slice(2)) {
	const lock = JSON.parse(readFileSync(path, 'utf8'));
	const packages = lock.packages;
	for (const { optionalDependencies = {}, dev } of Object.values(packages)) {
		for (const [name, version] of Object.entries(optionalDependencies)) {
			const place = `node_modules/${name}`;
			if (packages[place] === undefined) packages[place] = entry(name, version, dev);
		}
	}
	const [root, ...rest] = Object.entries(packages);
	lock.packages = Object.fromEntries([root, ...rest.sort(([a], [b]) => (a < b ? -1 : 1))]);
	writeFileSync(path, `${JSON.stringify(lock, null, '\t')}\n`);
}

/**
 * Returns the entry of a package in the lock file.
 *
 * @param {string} name such as `@biomejs/cli-darwin-arm64`
 * @param {string} version
 * @param {boolean | undefined} dev
 */
function entry(name, version, dev) {
	if (!/^\d+\.\d+\.\d+/.test(version)) throw new Error(`${name}: version ${version} is a range`);
	const words = name.split(/[/.-]/);
	const os = SYSTEMS.filter((system) => words.includes(system));
	const cpu = PROCESSORS.filter((processor) => words.some((word) => word === processor || word === `${processor}v7`));
	if (words.includes('armhf') || words.includes('gnueabihf') || words.includes('eabi')) cpu.push('arm');
	if (os.length === 0 && !cpu.includes('wasm32')) throw new Error(`${name}: unknown platform`);
	return { version, ...(dev && { dev }), optional: true, ...(os.length && { os }), cpu: [...new Set(cpu)] };
}
