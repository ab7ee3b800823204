// Runs the tests with Redis on other versions of Redis and Valkey, one after the other.
//
//   node scripts/test-redis-versions.mjs                        all versions, all suites
//   node scripts/test-redis-versions.mjs valkey-9               one version
//   node scripts/test-redis-versions.mjs valkey-9 redis/acl     one version, one file

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { installRedis, redisVersions } from './redis-servers.mjs';

const SUITES = ['redis', 'redis-machines'];

const given = process.argv.slice(2);
const versions = given.filter((argument) => redisVersions.includes(argument));
const named = given.filter((argument) => !versions.includes(argument));
const suites = named.some((argument) => !argument.startsWith('-')) ? named : [...SUITES, ...named];

/** @type {string[]} */
const failed = [];
for (const version of versions.length > 0 ? versions : redisVersions) {
	console.log(`\n-- ${version}`);
	const { status } = spawnSync(process.execPath, [fileURLToPath(new URL('test.mjs', import.meta.url)), ...suites], {
		stdio: 'inherit',
		env: { ...process.env, REDIS_SERVER: installRedis(version) },
	});
	if (status !== 0) failed.push(version);
}
if (failed.length > 0) {
	console.error(`failed with ${failed.join(', ')}`);
	process.exit(1);
}
