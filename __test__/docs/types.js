// Checks the types of programs and of parts of programs, with the compiler of the checkout.

import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './documents.js';
import { PROGRAMS } from './snippets.js';

/** @import { Project } from './project.js' */
/** @import { Snippet } from './snippets.js' */

const COMPILER = join(root, 'node_modules', 'typescript', 'bin', 'tsc');

/** `file(line,column): error TS2353: message`; the lines of a longer message follow, indented. */
const MESSAGE = /^(?<file>.+?)\((?<line>\d+),\d+\): error (?<code>TS\d+): (?<message>.*(?:\n[ \t].*)*)/gm;

/** "A 'return' statement can only be used within a function body": a fragment may be the middle of one. */
const RETURN_OUTSIDE_FUNCTION = 'TS1108';

/** Where fragments find types, when not where Node.js finds the module. */
const PATHS = {
	'@tmcp-native/session-manager': ['./exact.ts'],
	'@tmcp-native/session-manager/redis': ['./exact.ts'],
	'srvx/node': ['./srvx-node.ts'],
	'session-manager-types': [join(root, 'index.d.ts')],
};

let checked = 0;

/**
 * Returns the faults that the compiler finds in each snippet, one line each, with the line of the document.
 *
 * @param {Project} project
 * @param {Snippet[]} snippets
 * @param {{ managers?: 'in-memory' | 'redis' }} [options] of fragments, which may use these and the names of types/preamble.ts
 * @returns {Promise<Map<Snippet, string[]>>}
 */
export async function checkTypes(project, snippets, { managers } = {}) {
	const folder = join(project.folder, `types-${++checked}`);
	mkdirSync(folder);
	const files = new Map(snippets.map((snippet, index) => [`${index}${PROGRAMS[snippet.language]}`, snippet]));
	for (const [file, { code }] of files) {
		// What exports something is a module, whose names are its own.
		writeFileSync(join(folder, file), `${code}\nexport {};\n`);
	}
	for (const name of ['preamble.ts', 'in-memory.ts', 'redis.ts', 'exact.ts', 'srvx-node.ts']) {
		copyFileSync(new URL(`types/${name}`, import.meta.url), join(folder, name));
	}
	const isTyped = (/** @type {string} */ file) => file.endsWith('.mts');
	const names = [...files.keys()];
	const outputs = await Promise.all([
		compile(folder, 'ts', names.filter(isTyped), managers, {}),
		// JavaScript has no place for the type of a parameter, nor for that of an error.
		compile(
			folder,
			'js',
			names.filter((file) => !isTyped(file)),
			managers,
			{
				noImplicitAny: false,
				useUnknownInCatchVariables: false,
			},
		),
	]);

	/** @type {Map<Snippet, string[]>} */
	const faults = new Map(snippets.map((snippet) => [snippet, []]));
	for (const { groups } of outputs.flatMap((output) => [...output.matchAll(MESSAGE)])) {
		const { file, line, code, message } = /** @type {Record<string, string>} */ (groups);
		if (code === RETURN_OUTSIDE_FUNCTION) continue;
		const snippet = files.get(file);
		if (snippet === undefined) throw new Error(`types/${file}:${line} ${code}: ${message}`);
		faults.get(snippet)?.push(`${snippet.document}:${snippet.line + Number(line)} ${code}: ${message}`);
	}
	return faults;
}

/**
 * @param {string} folder
 * @param {string} language
 * @param {string[]} files
 * @param {string | undefined} managers
 * @param {Record<string, boolean>} options
 * @returns {Promise<string>} what the compiler prints
 */
function compile(folder, language, files, managers, options) {
	const config = `tsconfig.${language}.json`;
	const compilerOptions = {
		target: 'es2023',
		lib: ['es2023', 'esnext.disposable'],
		module: 'nodenext',
		strict: true,
		noEmit: true,
		allowJs: true,
		checkJs: true,
		// Those of tmcp do not pass.
		skipLibCheck: true,
		types: ['node'],
		...options,
		paths: managers === undefined ? {} : PATHS,
	};
	const preamble = managers === undefined ? [] : ['preamble.ts', `${managers}.ts`];
	if (files.length + preamble.length === 0) return Promise.resolve('');
	writeFileSync(join(folder, config), JSON.stringify({ compilerOptions, files: [...files, ...preamble] }));
	return new Promise((resolve, reject) => {
		const args = [COMPILER, '--pretty', 'false', '--project', config];
		execFile(process.execPath, args, { cwd: folder }, (error, stdout, stderr) => {
			// With faults in files it exits with 1 or 2 and prints them.
			const other = stdout.replaceAll(MESSAGE, '').trim();
			if (other !== '' || (error && stdout === '')) reject(new Error(`${other}${stderr}`, { cause: error }));
			else resolve(stdout);
		});
	});
}
