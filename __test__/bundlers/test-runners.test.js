// Programs of test runners that transform or load modules in their own way.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { promisify } from 'node:util';
import { choosing, warningsIn } from '../pack/projects.js';
import { createProject, toolPath, uses, write } from './builds.js';

/** @type {string} */
let folder;
const [use] = uses;

before(async () => {
	folder = await createProject('test-runners', use);
});

const body = `
	const manager = new InMemoryStreamSessionManager();
	const stream = new ReadableStream({ start: (controller) => manager.create('a', controller) });
	manager.send(['a'], 'to a');
	manager.delete('a');
	expect(await new Response(stream).text()).toBe('to a');
	expect(isNative).toBe(true);`;
const imports = `import { InMemoryStreamSessionManager, isNative } from '${use.specifier}';`;

/**
 * Runs the command of a test runner in a folder of the project, and returns what it prints.
 *
 * @param {string} below
 * @param {string} command
 * @param {...string} args
 */
async function runTests(below, command, ...args) {
	const options = { cwd: join(folder, below), env: choosing };
	const { stdout, stderr } = await promisify(execFile)(toolPath(command), args, options);
	assert.deepEqual(warningsIn(stderr), []);
	return stdout + stderr;
}

test('Jest, with Babel to CommonJS, runs the package natively', async () => {
	write(folder, {
		'jest/package.json': '{}',
		'jest/babel.config.cjs': `
			module.exports = { presets: [['@babel/preset-env', { targets: { node: 'current' } }]] };`,
		'jest/jest.config.cjs': `
			module.exports = { transformIgnorePatterns: ['/node_modules/(?!${use.specifier}/)'] };`,
		'jest/stream.test.js': `${imports}
			test('a stream is served', async () => {${body}
			});`,
	});
	assert.match(await runTests('jest', 'jest'), /Tests: +1 passed, 1 total/);
});

for (const [how, inline] of [
	['loaded from node_modules', []],
	['transformed, with deps.inline', [use.specifier]],
]) {
	test(`vitest runs the package natively when it is ${how}`, async () => {
		const name = `vitest-${inline.length}`;
		write(folder, {
			[`${name}/vitest.config.mjs`]: `
				export default { test: { server: { deps: { inline: ${JSON.stringify(inline)} } } } };`,
			[`${name}/stream.test.js`]: `import { expect, test } from 'vitest';
				${imports}
				test('a stream is served', async () => {${body}
				});`,
		});
		assert.match(await runTests(name, 'vitest', 'run'), /Tests +1 passed \(1\)/);
	});
}
