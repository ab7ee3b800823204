// Compiles consumer.ts, a program that uses this package, with several versions and options of TypeScript.
//
//   node scripts/setup.mjs __test__/types/versions && node __test__/types/versions/run.mjs
//
// The program is compiled in a project of its own outside the checkout, as in a user's project: no option comes from our
// tsconfig.json, and the types are those in the tarball, found through its package.json. The declarations of this package are
// checked too (`skipLibCheck: false`).

import { execFile, execFileSync } from 'node:child_process';
import {
	copyFileSync,
	cpSync,
	mkdirSync,
	mkdtempSync,
	readFileSync,
	realpathSync,
	rmSync,
	writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

const LIBS = { node: ['es2022'], dom: ['es2022', 'dom', 'dom.iterable'] };
const MODULES = { nodenext: 'nodenext', bundler: 'esnext' };

const here = fileURLToPath(new URL('.', import.meta.url));
const root = fileURLToPath(new URL('../../..', import.meta.url));
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const { devDependencies } = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8'));
const compilers = Object.keys(devDependencies).filter((name) => name.startsWith('typescript-'));

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'versions-')));
try {
	const configurations = writeProject();
	const results = await Promise.all(compilers.map((compiler) => compile(compiler, configurations)));
	const passed = !results.includes(false);
	const versions = compilers.map((name) => devDependencies[name].replace('npm:typescript@', '')).join(', ');
	const count = configurations.length;
	console.log(`TypeScript ${versions}, ${count} configurations each: ${passed ? 'compiled' : 'failed'}`);
	process.exitCode = passed ? 0 : 1;
} finally {
	rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
}

/**
 * Writes the program, its dependencies and its configurations into the folder.
 *
 * @returns {string[]} names of the configurations
 */
function writeProject() {
	writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
	copyFileSync(join(here, 'consumer.ts'), join(folder, 'consumer.ts'));

	const modules = join(folder, 'node_modules');
	const ours = join(modules, ...manifest.name.split('/'));
	mkdirSync(ours, { recursive: true });
	unpackInto(ours);
	for (const name of ['@types', 'undici-types'])
		cpSync(join(here, 'node_modules', name), join(modules, name), { recursive: true });
	// tmcp's own types do not pass without `skipLibCheck`.
	const tmcp = join(modules, 'tmcp');
	mkdirSync(tmcp);
	writeFileSync(join(tmcp, 'package.json'), JSON.stringify({ name: 'tmcp', type: 'module', types: 'tmcp.d.ts' }));
	copyFileSync(join(here, '..', 'tmcp.d.ts'), join(tmcp, 'tmcp.d.ts'));

	return Object.entries(MODULES).flatMap(([moduleResolution, module]) =>
		Object.entries(LIBS).flatMap(([libs, lib]) =>
			[false, true].map((exactOptionalPropertyTypes) => {
				const name = `tsconfig.${moduleResolution}.${libs}${exactOptionalPropertyTypes ? '.exact' : ''}.json`;
				const options = {
					target: 'es2022',
					lib,
					types: ['node'],
					module,
					moduleResolution,
					strict: true,
					exactOptionalPropertyTypes,
					noImplicitOverride: true,
					skipLibCheck: false,
					// TypeScript's own declarations are not ours to check.
					skipDefaultLibCheck: true,
					noEmit: true,
				};
				writeFileSync(join(folder, name), JSON.stringify({ compilerOptions: options, files: ['consumer.ts'] }));
				return name;
			}),
		),
	);
}

/**
 * Packs the package, and unpacks the tarball into a folder.
 *
 * @param {string} ours
 */
function unpackInto(ours) {
	const args = ['pack', '--loglevel=error', '--pack-destination', folder];
	const tarball = execFileSync('npm', args, { cwd: root, encoding: 'utf8' }).trim();
	execFileSync('tar', ['-xzf', join(folder, tarball), '--strip-components=1', '-C', ours]);
}

/**
 * Compiles the program in each configuration, in one process, and prints the output if it fails.
 *
 * @param {string} compiler name of the package
 * @param {string[]} configurations
 * @returns {Promise<boolean>} true when each configuration compiles
 */
async function compile(compiler, configurations) {
	const tsc = join(here, 'node_modules', compiler, 'bin', 'tsc');
	// With `--build`, one process compiles all configurations, and parses each declaration file once.
	const args = ['--max-semi-space-size=64', tsc, '--build', ...configurations, '--verbose', '--pretty', 'false'];
	const { code, stdout, stderr } = await run(process.execPath, args, { cwd: folder }).then(
		(output) => ({ code: 0, ...output }),
		(error) => error,
	);
	const built = configurations.filter((name) => stdout.includes(`${name}'...`));
	if (code === 0 && built.length === configurations.length) return true;
	console.log(`${compiler}: exit code ${code}, ${built.length} of ${configurations.length} configurations tried`);
	console.log(stdout + stderr);
	return false;
}
