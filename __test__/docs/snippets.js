// Reads the comment above each code block, which says how the block is tested.
//
//   <!-- snippet: run -->                  A complete program that ends with exit code 0. When a ```text block with the comment
//                                          <!-- output --> follows, the program prints exactly that.
//   <!-- snippet: run with redis -->       The same, with the URL of a Redis in REDIS_URL.
//   <!-- snippet: server -->               A complete server that listens on PORT and prints the URL of its MCP endpoint.
//   <!-- snippet: fragment -->             Part of a program. Its types are checked; types/ declares what it does not declare.
//   <!-- snippet: fragment with redis -->  The same; `streams`, `info` and `subscriptions` are managers with Redis.
//   <!-- snippet: tested by PATH -->       Each command, entry or line occurs in that test or beside it: see tested-by.js.
//   <!-- snippet: not run: REASON -->      The reason has at least three words.

import { spawnSync } from 'node:child_process';
import { parse as parseToml } from 'smol-toml';
import { parse as parseYaml } from 'yaml';

/** @import { CodeBlock, Document } from './markdown.js' */

/**
 * @typedef {object} Snippet
 * @property {string} place path and line
 * @property {string} document path
 * @property {number} line of the opening fence
 * @property {'run' | 'run with redis' | 'server' | 'fragment' | 'fragment with redis' | 'tested by' | 'not run'} kind
 * @property {string} language
 * @property {string} code
 * @property {string | undefined} output what the program has to print
 * @property {string} argument the path after `tested by`, or the reason after `not run:`
 */

/** File name extensions by the languages of programs. @type {Record<string, string>} */
export const PROGRAMS = { js: '.mjs', mjs: '.mjs', javascript: '.mjs', cjs: '.cjs', ts: '.mts', typescript: '.mts' };

const SHELLS = ['sh', 'bash', 'shell', 'console'];
const CONFIGURATIONS = ['json', 'jsonc', 'yaml', 'yml', 'toml', 'nginx', 'dockerfile'];

/** Languages of blocks that need a comment. */
const TESTED = [...Object.keys(PROGRAMS), ...SHELLS, ...CONFIGURATIONS];

const KINDS_OF_PROGRAMS = /** @type {const} */ (['run', 'run with redis', 'server', 'fragment', 'fragment with redis']);

/** @type {Record<string, (code: string) => unknown>} */
const PARSERS = { json: parseJson, yaml: parseYaml, yml: parseYaml, toml: parseToml, sh: parseShell };

const PREFIX = 'snippet: ';
const OUTPUT = 'output';
const MIN_REASON_WORDS = 3;

/**
 * Returns the blocks of a document that are tested, and one line for each mistake in how they are marked.
 *
 * @param {Document} document
 */
export function readSnippets({ path, blocks, comments }) {
	/** @type {Snippet[]} */
	const snippets = [];
	/** @type {string[]} */
	const problems = [];
	/** Blocks that are the output of the program above them. @type {Set<CodeBlock>} */
	const outputs = new Set();
	for (const block of blocks.filter(({ comment }) => comment !== OUTPUT)) {
		const place = `${path}:${block.line}`;
		try {
			const marker = readMarker(block);
			if (marker === undefined) continue;
			const isRun = marker.kind === 'run' || marker.kind === 'run with redis';
			const hasOutput = isRun && block.next?.comment === OUTPUT;
			if (hasOutput) outputs.add(/** @type {CodeBlock} */ (block.next));
			checkSyntax(block);
			const output = hasOutput ? block.next?.code : undefined;
			const { line, language, code } = block;
			snippets.push({ place, document: path, line, language, code, output, ...marker });
		} catch (error) {
			problems.push(`${place} ${/** @type {Error} */ (error).message}`);
		}
	}
	for (const block of blocks.filter(({ comment }) => comment === OUTPUT)) {
		const place = `${path}:${block.line}`;
		if (!outputs.has(block)) problems.push(`${place} is marked as output, and follows no program that is run`);
		if (block.language !== 'text')
			problems.push(`${place} is marked as output, and its language is not text, but ${block.language}`);
	}
	for (const { text, line } of comments.filter(({ text }) => text.startsWith('snippet') || text === OUTPUT)) {
		problems.push(`${path}:${line} the comment "${text}" stands above no code block`);
	}
	return { snippets, problems };
}

/**
 * @param {CodeBlock} block
 * @returns {Pick<Snippet, 'kind' | 'argument'> | undefined} undefined for a block that needs no comment
 * @throws {Error} for a comment that is missing or wrong
 */
function readMarker({ language, comment }) {
	if (language === '') throw new Error('names no language; a block that is not a program is text');
	if (!comment?.startsWith('snippet')) {
		if (!TESTED.includes(language)) return undefined;
		throw new Error('has no <!-- snippet: … --> directly above it');
	}
	const marker = comment.startsWith(PREFIX) ? comment.slice(PREFIX.length).trim() : '';
	const kindOfProgram = KINDS_OF_PROGRAMS.find((kind) => kind === marker);
	if (kindOfProgram !== undefined) {
		if (!(language in PROGRAMS))
			throw new Error(`is marked "${marker}", which is for programs, and not for ${language}`);
		return { kind: kindOfProgram, argument: '' };
	}
	const [, kind, argument] = /^(tested by|not run:) +(.+)$/s.exec(marker) ?? [];
	if (kind === 'tested by') return { kind, argument };
	if (kind !== 'not run:') throw new Error(`has the unknown comment "${comment}"`);
	if (argument.split(/\s+/).length < MIN_REASON_WORDS)
		throw new Error(`gives a reason of less than three words: "${argument}"`);
	return { kind: 'not run', argument };
}

/**
 * @param {CodeBlock} block
 * @throws {Error} for text that is not of the language that the block names
 */
function checkSyntax({ language, code }) {
	try {
		PARSERS[language]?.(code);
	} catch (cause) {
		throw new Error(`is not valid ${language}: ${/** @type {Error} */ (cause).message}`, { cause });
	}
}

/** @param {string} code */
function parseShell(code) {
	const { status, stderr, error } = spawnSync('sh', ['-n'], { input: code, encoding: 'utf8' });
	// There may be no shell: on Windows, for instance.
	if (error === undefined && status !== 0) throw new Error(stderr.trim());
}

/**
 * @param {string} code a value, or the entries of an object without its braces
 */
export function parseJson(code) {
	return JSON.parse(/^\s*"/.test(code) ? `{${code}}` : code);
}
