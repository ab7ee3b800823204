// Links of the documents lead somewhere, the documents are found from README.md, and files that they name exist.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { documents, isIgnored, readDocument, trackedFiles } from './documents.js';
import { brokenLinks, reachableFrom } from './links.js';
import { missingFiles } from './names.js';
import { readmeProblems } from './readme.js';

const checkout = { files: trackedFiles, read: readDocument, isIgnored };

describe('each link leads to a tracked file and to an anchor that exists, or is a well-formed URL', () => {
	for (const document of [...documents, readDocument('LICENSE')]) {
		it(`in ${document.path}`, () => assert.deepEqual(brokenLinks(document, checkout), []));
	}
});

describe('each file of the checkout that code names exists', () => {
	// It names files of former versions.
	for (const document of documents.filter(({ path }) => path !== 'CHANGELOG.md')) {
		it(`in ${document.path}`, () => assert.deepEqual(missingFiles(document, checkout), []));
	}
});

describe('README.md', () => {
	const readme = readDocument('README.md');

	it('has 150 to 200 lines, and the commands to try it in its first 25', () => {
		assert.deepEqual(readmeProblems(readme), []);
	});

	it('leads to each page of docs/', () => {
		const reachable = reachableFrom(readme, checkout);
		const pages = documents.map(({ path }) => path).filter((path) => path.startsWith('docs/'));
		assert.ok(pages.length > 0, 'docs/ is empty');
		assert.deepEqual(
			pages.filter((path) => !reachable.has(path)),
			[],
		);
	});
});
