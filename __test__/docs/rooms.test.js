// The direction of imports in lib/, as docs/architecture.md shows it. (tests/rooms.rs does the same for src/.)

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { describe, it } from 'node:test';
import { parse } from 'acorn';
import { root, trackedFiles } from './documents.js';

/** The rooms of lib/ from top to bottom. A room may import rooms below it. */
const ROOMS = [
	'index.js',
	'redis.js',
	'node.js',
	'server',
	'sockets',
	'managers',
	'backplane',
	'threads',
	'streams/policy',
	'streams',
	'subscriptions',
	'info',
	'options',
	'util',
	'native',
	'diagnostics.js',
	'platform',
	'errors.js',
];

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

const files = [...trackedFiles].filter((file) => file.startsWith('lib/'));

describe('lib/', () => {
	it('has no file outside the rooms', () => {
		assert.deepEqual(
			files.filter((file) => floorOf(file) < 0),
			[],
		);
	});

	it('has imports that run from top to bottom only', () => {
		const upward = files.flatMap((file) =>
			importsOf(file)
				.filter((imported) => floorOf(imported) < floorOf(file))
				.map((imported) => `${file} imports ${imported}`),
		);
		assert.deepEqual(upward, []);
	});
});

/**
 * Returns the index of a file's room in {@link ROOMS}, -1 for none.
 *
 * @param {string} file
 */
function floorOf(file) {
	const path = file.slice('lib/'.length);
	return ROOMS.findIndex((room) => path === room || path.startsWith(`${room}/`));
}

/**
 * Returns the files of lib/ that a file imports.
 *
 * @param {string} file
 * @returns {string[]}
 */
function importsOf(file) {
	const source = readFileSync(join(root, file), 'utf8');
	const { body } = parse(source, { sourceType: 'module', ecmaVersion: 'latest' });
	return body
		.map((/** @type {any} */ statement) => statement.source?.value)
		.filter((specifier) => /^[.#]/.test(specifier))
		.flatMap((specifier) =>
			specifier.startsWith('.')
				? posix.join(dirname(file), specifier)
				: [...new Set(Object.values(manifest.imports[specifier]))].map((target) => posix.join(String(target))),
		);
}
