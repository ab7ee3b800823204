// Compares blocks that are marked "tested by PATH" with the sources of that test. The sources are parsed, not run: the
// strings in them count, with the package's name and version in the place of `${name}` and `${version}`.

import { readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { parse } from 'acorn';
import { full } from 'acorn-walk';
import { parse as parseShell } from 'shell-quote';
import { parse as parseToml } from 'smol-toml';
import { parse as parseYaml } from 'yaml';
import { defaultSuites, filesNamed } from '../../scripts/suites.mjs';
import { root, trackedFiles } from './documents.js';
import { parseJson } from './snippets.js';

/** @import { Snippet } from './snippets.js' */

const manifest = JSON.parse(readFileSync(posix.join(root, 'package.json'), 'utf8'));

/** Installs and builds what the scripts of package.json need, before they run anything. */
const SETUP = 'scripts/setup.mjs';

/** Flags that change what npm writes into package.json, and not what it installs. */
const SAVE_FLAGS = ['--save-exact', '--save-dev', '-E', '-D'];

const PACKAGE_MANAGERS = ['npm', 'pnpm', 'yarn', 'bun', 'deno'];

/** Stands for an expression in a template whose value is not known here. */
const UNKNOWN = '\0';

/** A template with less text of its own than this says nothing. */
const MIN_KNOWN_CHARACTERS = 8;

/**
 * Returns one line for each command or entry of a block that the test does not have.
 *
 * @param {Snippet} snippet
 * @returns {string[]}
 */
export function missingInTest({ place, language, code, argument: path }) {
	if (!trackedFiles.has(path)) return [`${place} names the test ${path}, which does not exist`];
	const sources = sourcesOf(path);
	return partsOf(language, code)
		.filter((part) => !sources.have(part))
		.map((part) => `${place} \`${part.text}\` is in no file of ${posix.dirname(path)}`);
}

/**
 * A command, an entry of a configuration file, or a line of anything else.
 *
 * @typedef {object} Part
 * @property {string} text
 * @property {string[]} [words] of a command
 * @property {string} [line] that the command stands in
 * @property {{ keys: string[], value: string }} [entry]
 */

/**
 * @param {string} language
 * @param {string} code
 * @returns {Part[]}
 */
function partsOf(language, code) {
	if (['sh', 'bash', 'shell'].includes(language)) return commandsIn(code);
	if (language === 'json') return entriesIn(parseJson(code));
	if (language === 'yaml' || language === 'yml') return entriesIn(parseYaml(code));
	if (language === 'toml') return entriesIn(parseToml(code));
	return linesIn(code).map((text) => ({ text }));
}

/** @param {string} code */
function commandsIn(code) {
	return linesIn(code.replaceAll('\\\n', ' ')).flatMap((line) => {
		/** @type {string[][]} */
		const commands = [[]];
		for (const token of parseShell(line, (name) => `$${name}`)) {
			if (typeof token === 'string') commands.at(-1)?.push(token);
			else if ('pattern' in token) commands.at(-1)?.push(token.pattern);
			else if ('op' in token) commands.push([]);
		}
		return commands.filter((words) => words.length > 0).map((words) => ({ text: words.join(' '), words, line }));
	});
}

/**
 * @param {unknown} value
 * @param {string[]} [keys] that lead to it
 * @returns {Part[]}
 */
function entriesIn(value, keys = []) {
	if (Array.isArray(value)) return value.flatMap((element) => entriesIn(element, keys));
	if (typeof value === 'object' && value !== null) {
		return Object.entries(value).flatMap(([key, inner]) => entriesIn(inner, [...keys, key]));
	}
	return [{ text: `${keys.join(' > ')}: ${value}`, entry: { keys, value: String(value) } }];
}

/** @param {string} text */
function linesIn(text) {
	return text
		.split('\n')
		.map((line) => line.replaceAll(/\s+/g, ' ').trim())
		.filter((line) => line !== '');
}

/** What a test and the files beside it say, with all that these import and the programs of the checkout that they name. */
class Sources {
	/** Strings, with UNKNOWN where an expression stands. @type {Set<string>} */
	#strings = new Set();
	/** For each call, its name and those of its arguments that are known. @type {string[][]} */
	#calls = [];
	/** @type {{ key: string, value: string }[]} */
	#properties = [];
	/** @type {Set<string>} */
	#keys = new Set();
	/** @type {Set<string>} */
	#lines = new Set();
	#test;

	/** @param {string} test path */
	constructor(test) {
		this.#test = test;
		const folder = posix.dirname(test);
		const beside = [...trackedFiles].filter((file) => posix.dirname(file) === folder && isScript(file));
		// A set yields what is added to it during the loop.
		const files = new Set([test, ...beside, SETUP]);
		for (const file of files) {
			const text = readFileSync(posix.join(root, file), 'utf8');
			for (const line of linesIn(text)) this.#lines.add(line);
			if (!isScript(file)) this.#calls.push(...commandsIn(text).map(({ words }) => words ?? []));
			else for (const name of this.#read(text)) this.#follow(name, file, files);
		}
	}

	/**
	 * @param {string} name a string of a source
	 * @param {string} from path of the source
	 * @param {Set<string>} files
	 */
	#follow(name, from, files) {
		const file = name.startsWith('.') ? posix.join(posix.dirname(from), name) : name;
		if (trackedFiles.has(file) && isScript(file)) files.add(file);
	}

	/**
	 * @param {string} text of a source
	 * @returns {string[]} its strings
	 */
	#read(text) {
		const options = { ecmaVersion: /** @type {const} */ ('latest'), sourceType: /** @type {const} */ ('module') };
		const tree = parse(text, { ...options, allowHashBang: true });
		/** @type {Map<string, string>} */
		const constants = new Map([
			['name', manifest.name],
			['version', manifest.version],
		]);
		/** @type {string[]} */
		const strings = [];
		full(tree, (/** @type {any} */ node) => {
			if (node.type !== 'VariableDeclarator' || node.id.type !== 'Identifier') return;
			const value = node.init && textOf(node.init, constants);
			if (value !== undefined && value !== null) constants.set(node.id.name, value);
		});
		full(tree, (/** @type {any} */ node) => {
			if (node.type === 'Literal' || node.type === 'TemplateLiteral') strings.push(textOf(node, constants) ?? '');
			if (node.type === 'CallExpression') this.#calls.push(wordsOf(node, constants));
			if (node.type !== 'Property') return;
			const key = node.computed || node.key.type === 'Literal' ? textOf(node.key, constants) : node.key.name;
			if (key === undefined) return;
			this.#keys.add(key);
			for (const value of node.value.elements ?? [node.value]) {
				const text = value && textOf(value, constants);
				if (text !== undefined && text !== null) this.#properties.push({ key, value: text });
			}
		});
		for (const string of strings) {
			this.#strings.add(string);
			for (const line of linesIn(string)) this.#strings.add(line);
		}
		return strings;
	}

	/** @param {Part} part */
	have({ text, words, line = text, entry }) {
		if (entry !== undefined) return this.#haveEntry(entry);
		if (words === undefined) return this.#haveLine(line);
		// A message that recommends a command is no test of it.
		return this.#haveCommand(words) || (!PACKAGE_MANAGERS.includes(words[0]) && this.#haveLine(line));
	}

	/** @param {{ keys: string[], value: string }} entry */
	#haveEntry({ keys, value }) {
		const key = keys.at(-1);
		return (
			keys.every((name) => this.#keys.has(name)) &&
			this.#properties.some((property) => property.key === key && matches(property.value, value))
		);
	}

	/** @param {string} line */
	#haveLine(line) {
		if (this.#lines.has(line)) return true;
		return [...this.#strings].some((string) => matches(string, line));
	}

	/**
	 * @param {string[]} words
	 * @returns {boolean}
	 */
	#haveCommand(words) {
		const [first, ...rest] = words.filter((word) => !SAVE_FLAGS.includes(word));
		if (/^\w+=/.test(first)) return this.#keys.has(first.split('=')[0]) && this.#haveCommand(rest);
		if (first === 'node' && rest[0] === SETUP) {
			return rest.slice(1).every((folder) => trackedFiles.has(`${folder}/package.json`));
		}
		if (first === 'node') return rest.length > 0 && rest.every((word) => this.#strings.has(word));
		const isCalled = this.#calls.some((call) =>
			[first, ...rest].every((word) => call.some((given) => matches(given, word))),
		);
		if (isCalled) return true;
		const script = first === 'npm' && (rest[0] === 'run' ? rest[1] : rest.length === 1 && rest[0]);
		return Boolean(script) && this.#haveScript(manifest.scripts[/** @type {string} */ (script)]);
	}

	/**
	 * Returns true when a script of package.json runs the test, or when the test runs all that the script does.
	 *
	 * @param {string | undefined} script
	 */
	#haveScript(script) {
		if (script === undefined) return false;
		const commands = commandsIn(script);
		return (
			commands.some(({ words = [] }) => runsTest(words, this.#test)) || commands.every((command) => this.have(command))
		);
	}
}

/**
 * Returns true when a command names the test by a pattern, or runs its suite with `scripts/test.mjs`.
 *
 * @param {string[]} words
 * @param {string} test path
 */
function runsTest(words, test) {
	if (words[1] !== 'scripts/test.mjs') return words.some((word) => matchesGlob(word, test));
	const named = words.slice(2);
	const files = (named.length > 0 ? named : Object.keys(defaultSuites)).flatMap(filesNamed);
	return files.some((file) => `__test__/${file}` === test || `__test__/${file}`.startsWith(`${test}/`));
}

/** By test. @type {Map<string, Sources>} */
const known = new Map();

/** @param {string} test path */
function sourcesOf(test) {
	const sources = known.get(test) ?? new Sources(test);
	known.set(test, sources);
	return sources;
}

/**
 * Returns the name of the function or method that is called, and what its arguments say.
 *
 * @param {any} call
 * @param {Map<string, string>} constants
 * @returns {string[]}
 */
function wordsOf({ callee, arguments: args }, constants) {
	return [callee.name ?? callee.property?.name ?? '', ...args.flatMap(wordsIn)];

	/**
	 * @param {any} node
	 * @returns {string[]}
	 */
	function wordsIn(node) {
		if (node === null) return [];
		if (node.type === 'ArrayExpression') return node.elements.flatMap(wordsIn);
		if (node.type === 'CallExpression') return wordsOf(node, constants);
		const text = textOf(node, constants);
		return [...(text === undefined ? [] : [text]), ...(node.type === 'Identifier' ? [node.name] : [])];
	}
}

/**
 * Returns the value of a string, template, number or constant, or undefined for anything else.
 *
 * @param {any} node
 * @param {Map<string, string>} constants
 * @returns {string | undefined}
 */
function textOf(node, constants) {
	if (node.type === 'Literal') return String(node.value);
	if (node.type === 'Identifier') return constants.get(node.name);
	if (node.type !== 'TemplateLiteral') return undefined;
	const [first, ...rest] = node.quasis.map((/** @type {any} */ quasi) => quasi.value.cooked ?? '');
	return rest.reduce(
		(/** @type {string} */ text, /** @type {string} */ quasi, /** @type {number} */ index) =>
			text + (textOf(node.expressions[index], constants) ?? UNKNOWN) + quasi,
		first,
	);
}

/**
 * Returns true when a string of the sources says what the document says. Tarballs have many names.
 *
 * @param {string} source
 * @param {string} text
 */
function matches(source, text) {
	const pieces = withoutTarballName(source).split(UNKNOWN);
	if (pieces.length > 1 && pieces.join('').length < MIN_KNOWN_CHARACTERS) return false;
	return RegExp(`^${pieces.map(literally).join('.+?')}$`, 's').test(withoutTarballName(text));
}

/** @param {string} text */
function withoutTarballName(text) {
	return text.replace(/^(file:)?\S+\.tgz$/, '$1*.tgz');
}

/**
 * @param {string} glob
 * @param {string} path
 */
function matchesGlob(glob, path) {
	const pieces = glob.split('*').map(literally);
	return glob.includes('*') && RegExp(`^${pieces.join('[^/]*')}$`).test(path);
}

/** @param {string} text */
function literally(text) {
	return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}

/** @param {string} file */
function isScript(file) {
	return /\.m?js$/.test(file);
}
