// Finds the files of the checkout that documents name in code, and that do not exist.

import { posix } from 'node:path';

/** @import { Document } from './markdown.js' */

/**
 * Documents in which each name of a file or folder means one of the checkout, by the end of its path. Elsewhere `src/` may
 * be a folder of the reader.
 */
const ABOUT_THE_CHECKOUT = ['CONTRIBUTING.md', 'docs/architecture.md', 'bench/README.md', 'examples/README.md'];

/** A relative path of a file or, with a slash at its end, of a folder. */
const FILE_OR_FOLDER = /^[\w@.-][\w@./-]*(\.(rs|m?js|ts|lua|json|toml|md)|\/)$/;

/**
 * Returns one line for each program of `examples/` and, in documents about the checkout, each file and folder that does not
 * exist.
 *
 * @param {Document} document
 * @param {{ files: ReadonlySet<string>, isIgnored: (path: string) => boolean }} checkout
 */
export function missingFiles({ path, inlineCode, blocks }, { files, isIgnored }) {
	const passages = [...inlineCode, ...blocks.map(({ code, line }) => ({ text: code, line }))];
	const examples = passages.flatMap((passage) => namesIn(passage).filter(({ name }) => name.startsWith('examples/')));
	const others = ABOUT_THE_CHECKOUT.includes(path) ? inlineCode.flatMap(namesIn) : [];
	return [...examples, ...others]
		.filter(({ name }) => FILE_OR_FOLDER.test(name) && !exists(name) && !isWritten(name))
		.map(({ name, line }) => `${path}:${line} names ${name}, which does not exist`);

	/**
	 * Returns true for a file that a build or a benchmark writes.
	 *
	 * @param {string} name
	 */
	function isWritten(name) {
		return isIgnored(name) || isIgnored(posix.join(posix.dirname(path), name));
	}

	/** @param {string} name */
	function exists(name) {
		return [...files].some(
			(file) => `/${file}`.endsWith(`/${name}`) || (name.endsWith('/') && `/${file}`.includes(`/${name}`)),
		);
	}
}

/** @param {{ text: string, line: number }} passage */
function namesIn({ text, line }) {
	return text.split(/[\s'"`(),;]+/).map((word) => ({ name: word.replace(/^\.\//, '').replace(/\.$/, ''), line }));
}
