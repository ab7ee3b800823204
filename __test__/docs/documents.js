// Reads the documents of the checkout: the files that git tracks, and the Markdown files among them.

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Document } from './markdown.js';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** The documents in this folder are wrong on purpose: faults.test.js reads them. */
const FIXTURES = '__test__/docs/fixtures/';

/** Paths of all files that git tracks, relative to the root, with slashes. */
export const trackedFiles = new Set(git('ls-files', '-z').split('\0').slice(0, -1));

/** Documents by path. Many links lead to one document. @type {Map<string, Document>} */
const parsed = new Map();

/** All Markdown documents that git tracks. */
export const documents = [...trackedFiles]
	.filter((path) => path.endsWith('.md') && !path.startsWith(FIXTURES))
	.map(readDocument);

/** @param {string} path relative to the root */
export function readDocument(path) {
	const document = parsed.get(path) ?? new Document(path, readFileSync(join(root, path), 'utf8'));
	parsed.set(path, document);
	return document;
}

/**
 * Returns true when git ignores a path: a file that a build or a benchmark writes.
 *
 * @param {string} path relative to the root
 */
export function isIgnored(path) {
	return spawnSync('git', ['check-ignore', '--quiet', path], { cwd: root }).status === 0;
}

/** @param {...string} args */
function git(...args) {
	const { status, stdout, stderr, error } = spawnSync('git', args, { cwd: root, encoding: 'utf8' });
	if (status !== 0) throw error ?? new Error(`git ${args.join(' ')}: ${stderr}`);
	return stdout;
}
