// Compiles the examples in the documentation of index.d.ts, redis.d.ts and node.d.ts.
//
//   node __test__/types/examples.mjs
//
// Each `@example` is compiled as a module of its own. It need not import the names that this package exports.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PACKAGE = '@tmcp-native/session-manager';
const DECLARATIONS = ['index.d.ts', 'redis.d.ts', 'node.d.ts'];

const root = fileURLToPath(new URL('../..', import.meta.url));
const sources = DECLARATIONS.map((file) => ({ file, text: readFileSync(join(root, file), 'utf8') }));
const exported = sources.flatMap(({ text }) =>
	[...text.matchAll(/^export (?:abstract )?(?:class|const|function|interface|type) (\w+)/gm)].map(([, name]) => name),
);
const examples = sources.flatMap(({ file, text }) => examplesIn(file, text));
if (examples.length === 0) throw new Error(`no examples in ${DECLARATIONS.join(' and ')}`);

const folder = mkdtempSync(join(tmpdir(), 'examples-'));
try {
	for (const example of examples) writeFileSync(join(folder, nameOf(example)), moduleOf(example));
	writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(configuration()));
	const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
	const { status, stdout } = spawnSync(process.execPath, [tsc, '-p', folder, '--pretty', 'false'], {
		encoding: 'utf8',
	});
	// Names the line of the declaration file in each error.
	process.stdout.write(stdout.replaceAll(/^.*?(\w+\.d)\.\d+\.mts\((\d+),\d+\)/gm, '$1.ts:$2'));
	console.log(`${examples.length} examples of ${DECLARATIONS.join(' and ')}: ${status === 0 ? 'compiled' : 'failed'}`);
	process.exitCode = status ?? 1;
} finally {
	rmSync(folder, { recursive: true });
}

/**
 * @typedef {object} Example
 * @property {string} file
 * @property {number} line Index of its first line in the file.
 * @property {string[]} code
 */

/**
 * @param {string} file
 * @param {string} text
 * @returns {Example[]}
 */
function examplesIn(file, text) {
	const lines = text.split('\n').map((line) => line.replace(/^\s*\* ?/, ''));
	return [...lines.keys()]
		.filter((line) => lines[line].startsWith('@example'))
		.map((line) => {
			const end = lines.indexOf('```', line);
			if (lines[line + 1] !== '```ts' || end < 0)
				throw new Error(`${file}:${line + 1}: no \`\`\`ts block after @example`);
			return { file, line: line + 2, code: lines.slice(line + 2, end) };
		});
}

/** @param {Example} example */
function nameOf({ file, line }) {
	return file.replace(/ts$/, `${line + 1}.mts`);
}

/**
 * Returns the example with an import of the names that it uses. Its lines keep their numbers, so that errors name them.
 *
 * @param {Example} example
 */
function moduleOf({ line, code }) {
	const text = code.join('\n');
	const imported = [...text.matchAll(/^import (?:type )?\{[^}]*\}/gm)].join();
	const used = exported.filter((name) => hasWord(text, name) && !hasWord(imported, name));
	return `import { ${used.join(', ')} } from '${PACKAGE}';${'\n'.repeat(line)}${text}\n`;
}

/**
 * @param {string} text
 * @param {string} word
 */
function hasWord(text, word) {
	return new RegExp(`\\b${word}\\b`).test(text);
}

function configuration() {
	return {
		extends: join(root, 'tsconfig.json'),
		compilerOptions: {
			noUnusedLocals: false,
			typeRoots: [join(root, 'node_modules', '@types')],
			paths: {
				[PACKAGE]: [join(root, 'index.d.ts')],
				[`${PACKAGE}/redis`]: [join(root, 'redis.d.ts')],
				[`${PACKAGE}/node`]: [join(root, 'node.d.ts')],
				tmcp: [join(root, '__test__', 'types', 'tmcp.d.ts')],
			},
		},
		include: ['*.mts'],
	};
}
