// Runs JS tests after their set-up: dependencies from the lock files and the native build.
//
//   node scripts/test.mjs                          the suites that `npm test` runs
//   node scripts/test.mjs threads redis            these suites
//   node scripts/test.mjs threads/ends             one file
//   node scripts/test.mjs streams --test-name-pattern=order     options go to Node's test runner
//   node scripts/test.mjs --fallback streams       on the JavaScript core instead of the addon

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

import { defaultSuites, filesNamed, suites } from './suites.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const given = process.argv.slice(2);
const isFallback = given.includes('--fallback');
const options = given.filter((argument) => argument.startsWith('-') && argument !== '--fallback');
const named = given.filter((argument) => !argument.startsWith('-'));
const files = (named.length > 0 ? named : Object.keys(defaultSuites)).flatMap(filesNamed);
const used = [...new Set(files.map((file) => file.split('/')[0]))].map((name) => suites[name]);
const packages = [...new Set(used.flatMap((suite) => suite.packages))];
const timeoutMs = Math.max(...used.map((suite) => suite.timeoutMs));

// With `require`, an addon that does not load fails the tests. Otherwise they would run on the JavaScript core.
const core = isFallback ? 'off' : 'require';

node('scripts/setup.mjs', ...packages);
node('--test', `--test-timeout=${timeoutMs}`, ...options, ...files.map((file) => `__test__/${file}`));

/** @param {string[]} args */
function node(...args) {
	const { status } = spawnSync(process.execPath, args, {
		cwd: root,
		stdio: 'inherit',
		env: { ...process.env, TMCP_NATIVE: core },
	});
	if (status !== 0) process.exit(status ?? 1);
}
