// Each code block of the documents works: programs are run, servers are talked to, the types of fragments are checked.
//
//   node scripts/setup.mjs examples __test__/docs && node --test __test__/docs/*.test.js

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { describeWithRedis, startRedis } from '../support/redis.js';
import { documents } from './documents.js';
import { checkProgram, checkServer } from './programs.js';
import { makeProject } from './project.js';
import { readSnippets } from './snippets.js';
import { missingInTest } from './tested-by.js';
import { checkTypes } from './types.js';

/** Programs that run at the same time. */
const concurrency = 2;
const posix = { skip: process.platform === 'win32' && 'Windows has no SIGTERM' };

const project = makeProject();
after(() => project.remove());

const read = documents.map(readSnippets);
const snippets = read.flatMap((document) => document.snippets);
/** @param {import('./snippets.js').Snippet['kind']} kind */
const ofKind = (kind) => snippets.filter((snippet) => snippet.kind === kind);
/** @param {import('./snippets.js').Snippet} snippet */
const isTyped = ({ language }) => language === 'ts' || language === 'typescript';

describe('each code block has a comment that says how it is tested', () => {
	for (const [index, { path }] of documents.entries()) {
		it(`in ${path}`, () => assert.deepEqual(read[index].problems, []));
	}
});

describe('a complete program ends with exit code 0 and prints what its document says', { concurrency }, () => {
	for (const snippet of ofKind('run').filter((each) => !isTyped(each))) {
		it(snippet.place, () => checkProgram(project, snippet));
	}
});

const withRedis = ofKind('run with redis').filter((each) => !isTyped(each));
if (withRedis.length > 0) {
	describeWithRedis('a complete program with Redis', () => {
		/** @type {Awaited<ReturnType<typeof startRedis>>} */
		let redis;
		before(async () => {
			redis = await startRedis({ args: ['--databases', String(withRedis.length)] });
		});
		after(() => redis?.end());

		describe('ends with exit code 0 and prints what its document says', { concurrency }, () => {
			for (const [database, snippet] of withRedis.entries()) {
				it(snippet.place, () => checkProgram(project, snippet, { env: { REDIS_URL: `${redis.url}/${database}` } }));
			}
		});
	});
}

describe('a server serves a client, ends its stream on SIGTERM and exits with 0', { concurrency, ...posix }, () => {
	for (const snippet of ofKind('server')) it(snippet.place, () => checkServer(project, snippet));
});

describeTypes('a fragment has no type errors', ofKind('fragment'), { managers: 'in-memory' });
describeTypes('a fragment with Redis has no type errors', ofKind('fragment with redis'), { managers: 'redis' });
describeTypes('a complete program in TypeScript has no type errors', snippets.filter(isWholeAndTyped));

describe('each command and entry of a block is in the test that the block names', () => {
	for (const snippet of ofKind('tested by')) it(snippet.place, () => assert.deepEqual(missingInTest(snippet), []));
});

/**
 * @param {string} name
 * @param {import('./snippets.js').Snippet[]} typed
 * @param {Parameters<typeof checkTypes>[2]} [options]
 */
function describeTypes(name, typed, options) {
	if (typed.length === 0) return;
	describe(name, () => {
		/** @type {Awaited<ReturnType<typeof checkTypes>>} */
		let faults;
		before(async () => {
			faults = await checkTypes(project, typed, options);
		});
		for (const snippet of typed) it(snippet.place, () => assert.deepEqual(faults.get(snippet), []));
	});
}

/** @param {import('./snippets.js').Snippet} snippet */
function isWholeAndTyped(snippet) {
	return isTyped(snippet) && ['run', 'run with redis', 'server'].includes(snippet.kind);
}
