// The folders of `__test__` with tests, and what each needs installed.

import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * @typedef {object} Suite
 * @property {string[]} packages folders with a package.json of their own
 * @property {number} timeoutMs for one test, and on Node.js 20 and 22 also for one file
 */

/** @type {Suite} */
const API = { packages: ['examples'], timeoutMs: 120_000 };

/** Suites of the JavaScript API. They run on every runtime. @type {Record<string, Suite>} */
export const apiSuites = {
	streams: API,
	info: API,
	subscriptions: API,
	threads: API,
	lifetime: API,
	loading: API,
	redis: { ...API, packages: [...API.packages, '__test__/redis/upstream'] },
	examples: API,
};

/** Suites that also run on the JavaScript core. */
export const fallbackSuites = ['streams', 'info', 'subscriptions', 'lifetime'];

/** Suites that `npm test` runs. @type {Record<string, Suite>} */
export const defaultSuites = {
	...apiSuites,
	sockets: { packages: ['__test__/sockets'], timeoutMs: 120_000 },
	docs: { packages: ['examples', '__test__/docs'], timeoutMs: 120_000 },
};

/** Suites with a script of their own in package.json. @type {Record<string, Suite>} */
const otherSuites = {
	e2e: { packages: ['__test__/e2e', '__test__/e2e/upstreams', '__test__/e2e/ours'], timeoutMs: 120_000 },
	chaos: {
		packages: ['examples', '__test__/e2e', '__test__/e2e/upstreams', '__test__/e2e/ours'],
		timeoutMs: 120_000,
	},
	'redis-machines': { packages: ['examples'], timeoutMs: 120_000 },
	browser: { packages: ['examples', '__test__/browser'], timeoutMs: 300_000 },
	pack: { packages: ['__test__/pack', '__test__/runtimes'], timeoutMs: 300_000 },
	'web-hosts': { packages: ['__test__/pack', '__test__/web-hosts'], timeoutMs: 300_000 },
	// The runtimes have Bun, and `pack` has the registry.
	bundlers: {
		packages: ['__test__/bundlers', '__test__/bundlers/next-app', '__test__/runtimes', '__test__/pack'],
		timeoutMs: 300_000,
	},
};

/** All suites by the name of their folder. */
export const suites = { ...defaultSuites, ...otherSuites };

/**
 * Returns the test files of a suite, as paths below `__test__` with slashes.
 *
 * @param {string} suite
 */
export function filesOf(suite) {
	const names = readdirSync(join(root, '__test__', suite)).filter((name) => name.endsWith('.test.js'));
	return names.sort().map((name) => `${suite}/${name}`);
}

/**
 * Returns the test files that an argument names: a suite (`threads`), or one file of it (`threads/ends`).
 *
 * @param {string} name
 */
export function filesNamed(name) {
	const path = name.replace(/^__test__\//, '');
	const folder = join(root, '__test__', path);
	const files = existsSync(folder) && statSync(folder).isDirectory() ? filesOf(path) : [];
	if (files.length > 0) return files;
	const file = path.endsWith('.test.js') ? path : `${path}.test.js`;
	if (existsSync(join(root, '__test__', file))) return [file];
	throw new Error(`no tests are named ${name}; suites: ${Object.keys(suites).join(', ')}`);
}
