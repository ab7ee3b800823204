// Adds to a lock file the binaries of other platforms that npm left out of it, so that `npm ci` works on all of them.
//
// npm drops an optional dependency from the lock file when its registry does not have it, which is so with mirrors that
// carry the packages of one platform only; `npm ci` then refuses that lock file. The versions are those that the parent
// package pins; what is missing is the checksum, which only the registry can tell.
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
 * @param {string} name such as `@biomejs/cli-darwin-arm64`
 * @param {string} version
 * @param {boolean | undefined} dev
 */
function entry(name, version, dev) {
	if (!/^\d+\.\d+\.\d+/.test(version)) throw new Error(`${name}: the version ${version} is a range`);
	const words = name.split(/[/.-]/);
	const os = SYSTEMS.filter((system) => words.includes(system));
	const cpu = PROCESSORS.filter((processor) => words.some((word) => word === processor || word === `${processor}v7`));
	if (words.includes('armhf') || words.includes('gnueabihf') || words.includes('eabi')) cpu.push('arm');
	if (os.length === 0 && !cpu.includes('wasm32')) throw new Error(`${name}: unknown platform`);
	return { version, ...(dev && { dev }), optional: true, ...(os.length && { os }), cpu: [...new Set(cpu)] };
}
