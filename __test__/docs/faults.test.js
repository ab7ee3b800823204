// The checks of this folder find faults: each is given the documents in fixtures/, which are wrong on purpose, and one that
// is right.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { describeWithRedis, startRedis } from '../support/redis.js';
import { documents, isIgnored, readDocument, root, trackedFiles } from './documents.js';
import { brokenLinks, reachableFrom } from './links.js';
import { Document } from './markdown.js';
import { missingFiles } from './names.js';
import { checkProgram, checkServer } from './programs.js';
import { makeProject } from './project.js';
import { readmeProblems } from './readme.js';
import { readSnippets } from './snippets.js';
import { missingInTest } from './tested-by.js';
import { checkTypes } from './types.js';

/** @import { Snippet } from './snippets.js' */

const FOLDER = '__test__/docs/fixtures';
const checkout = { files: trackedFiles, read: readDocument, isIgnored };
const posix = { skip: process.platform === 'win32' && 'Windows has no SIGTERM' };

const project = makeProject();
after(() => project.remove());

const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/** @param {string} name of a fixture */
function fixture(name) {
	const { path, text } = readDocument(`${FOLDER}/${name}`);
	return new Document(path, text.replaceAll('VERSION', version));
}

/** @param {string} name of a fixture */
const snippetsIn = (name) => readSnippets(fixture(name)).snippets;

const right = readSnippets(fixture('right.md'));
/** @param {Snippet['kind']} kind */
const rightOnes = (kind) => right.snippets.filter((snippet) => snippet.kind === kind);
const [rightProgram, rightTypedProgram] = rightOnes('run');
const [rightServer] = rightOnes('server');

describe('a document without faults', () => {
	it('has a comment above each block', () => {
		assert.deepEqual(right.problems, []);
		assert.deepEqual(right.snippets.map(({ kind }) => kind).sort(), [
			...['fragment', 'fragment', 'fragment with redis', 'not run', 'run', 'run', 'run with redis', 'server'],
			...Array(7).fill('tested by'),
		]);
	});

	it('has a program that prints what the document says', () => checkProgram(project, rightProgram));

	it('has a server that serves a client and stops in order', posix, () => checkServer(project, rightServer));

	it('has fragments and a program without type errors', async () => {
		const faults = await Promise.all([
			checkTypes(project, rightOnes('fragment'), { managers: 'in-memory' }),
			checkTypes(project, rightOnes('fragment with redis'), { managers: 'redis' }),
			checkTypes(project, [rightTypedProgram]),
		]);
		assert.deepEqual(
			faults.flatMap((each) => [...each.values()]),
			[[], [], [], []],
		);
	});

	it('has commands and entries that are in the tests it names', () => {
		assert.deepEqual(rightOnes('tested by').flatMap(missingInTest), []);
	});

	it('has links that lead somewhere, and names files that exist', () => {
		assert.deepEqual(brokenLinks(fixture('right.md'), checkout), []);
		assert.deepEqual(missingFiles(fixture('right.md'), checkout), []);
	});
});

describeWithRedis('a document without faults, with Redis,', () => {
	/** @type {Awaited<ReturnType<typeof startRedis>>} */
	let redis;
	before(async () => {
		redis = await startRedis();
	});
	after(() => redis?.end());

	it('has a program that prints with Redis what the document says', async () => {
		const [snippet] = rightOnes('run with redis');
		await checkProgram(project, snippet, { env: { REDIS_URL: redis.url } });
		await assert.rejects(checkProgram(project, snippet), /ended with 1/, 'without REDIS_URL it fails');
	});
});

it('a comment that is missing, wrong or without a block is reported with file and line', () => {
	const { problems, snippets } = readSnippets(fixture('wrong-comments.md'));
	assertFaults(problems, [
		'wrong-comments.md:3 has no <!-- snippet: … --> directly above it',
		'wrong-comments.md:8 has no <!-- snippet: … --> directly above it',
		'wrong-comments.md:13 has the unknown comment "snippet: rnu"',
		'wrong-comments.md:18 is marked "run", which is for programs, and not for sh',
		'wrong-comments.md:23 gives a reason of less than three words: "because"',
		'wrong-comments.md:27 names no language; a block that is not a program is text',
		'wrong-comments.md:31 names no language; a block that is not a program is text',
		/:52 is not valid json: /,
		/:57 is not valid sh: /,
		'wrong-comments.md:39 is marked as output, and its language is not text, but js',
		'wrong-comments.md:44 is marked as output, and follows no program that is run',
		'wrong-comments.md:48 the comment "snippet: fragment" stands above no code block',
	]);
	assert.equal(snippets.length, 1);
});

describe('a program is reported', { concurrency: 2 }, () => {
	const [otherOutput, exception, missingPackage, endless, typeError] = snippetsIn('wrong-programs.md');

	it('that prints something else than its document says', async () => {
		await assert.rejects(checkProgram(project, otherOutput), /wrong-programs\.md:4 prints something else .*\none\n/s);
	});

	it('that throws, with what it has printed', async () => {
		await assert.rejects(checkProgram(project, exception), /wrong-programs\.md:14 ended with 1:.*ERR_UNKNOWN_OPTION/s);
	});

	it('that imports a package which the examples do not have', async () => {
		await assert.rejects(checkProgram(project, missingPackage), /:21 ended with 1:.*Cannot find package 'express'/s);
	});

	it('that does not end', async () => {
		await assert.rejects(checkProgram(project, endless, { limitMs: 500 }), /:26 ended with SIGKILL/);
	});

	it('that has type errors', async () => {
		const faults = await checkTypes(project, [typeError]);
		assertFaults(faults.get(typeError), [/wrong-programs\.md:32 TS2322: Type 'string \| undefined'/]);
	});
});

describe('a server is reported', { concurrency: 2, ...posix }, () => {
	const [silent, otherPort, noMcp] = snippetsIn('wrong-servers.md');

	it('that ends without having printed a URL', async () => {
		await assert.rejects(checkServer(project, silent), /ended with 0 and has not printed .*Listens\./s);
	});

	it('that does not listen on PORT', async () => {
		await assert.rejects(
			checkServer(project, otherPort),
			/:9 does not listen on PORT, but prints http:\/\/127\.0\.0\.1:1/,
		);
	});

	it('that is no MCP server', async () => {
		await assert.rejects(checkServer(project, noMcp), /:16: no client can connect: /);
	});

	it('with a tool that answers with an error', async () => {
		await assert.rejects(
			checkServer(project, changed('tool.text(name.repeat(times))', 'tool.error(name.repeat(times))')),
			/no client can call a tool: greet answers with an error: .*text\.\.text\.\./,
		);
	});

	it('that does not let its client open a stream', async () => {
		const refused = `request.method === 'GET' ? new Response(null, { status: 405 }) : (await transport`;
		await assert.rejects(
			checkServer(project, changed('(await transport', refused)),
			/answers the GET of a stream with 405/,
		);
	});

	it('that does not end on SIGTERM', async () => {
		await assert.rejects(
			checkServer(project, changed('listener.close();', 'return;'), { stopLimitMs: 500 }),
			/still ran 500 ms after SIGTERM/,
		);
	});

	it('that ends on SIGTERM with another exit code than 0', async () => {
		await assert.rejects(checkServer(project, changed("'SIGTERM'", "'SIGUSR2'")), /ended with SIGTERM after SIGTERM/);
	});

	it('that cuts the streams of its clients', async () => {
		await assert.rejects(
			checkServer(project, changed('listener.close();', 'process.exit(0);')),
			/cut the stream of its client/,
		);
	});

	/**
	 * Returns the server of right.md with a piece of its code replaced.
	 *
	 * @param {string} from
	 * @param {string} to
	 */
	function changed(from, to) {
		assert.equal(rightServer.code.split(from).length, 2, `${from} is not once in the server`);
		return { ...rightServer, code: rightServer.code.replace(from, to) };
	}
});

it('an option, a method, an export and a name that do not exist are reported in fragments', async () => {
	const snippets = snippetsIn('wrong-fragments.md');
	const faults = await checkTypes(project, snippets, { managers: 'in-memory' });
	assertFaults(
		snippets.flatMap((snippet) => faults.get(snippet) ?? []),
		[
			/:6 TS2561: .*'keepAliveMillis' does not exist in type/,
			/:13 TS2345: .*"there is no such option"/s,
			/:18 TS2339: Property 'shutdown' does not exist on type 'InMemoryStreamSessionManager'/,
			/:18 TS2339: Property 'ready' does not exist on type 'InMemoryStreamSessionManager'/,
			/:23 TS2\d+: .*'InMemorySessions'/,
			/:28 TS2552: Cannot find name 'sever'\. Did you mean 'server'\?/,
			/:33 TS7006: Parameter 'reason' implicitly has an 'any' type/,
		],
	);
});

it('a command, an entry and a test that do not exist are reported', () => {
	assertFaults(snippetsIn('wrong-tests.md').flatMap(missingInTest), [
		'wrong-tests.md:4 names the test __test__/pack/instal.test.js, which does not exist',
		/:9 `npm install @tmcp\/session-manager@npm:@tmcp-native\/session-manager@\^0\.1\.0` is in no file of __test__\/pack/,
		/:9 `pnpm add @tmcp-native\/session-manager` is in no file/,
		/:9 `npm run install` is in no file/,
		/:17 `overrides > @tmcp\/session-manager: npm:@tmcp-native\/session-manager@\^0\.1\.0` is in no file/,
		/:23 `proxy_buffering off;` is in no file/,
		/:28 `npm run --silent lints` is in no file of \.ci/,
		/:28 `node scripts\/setup\.mjs no-such-folder` is in no file/,
		/:28 `node no-such-program\.mjs` is in no file/,
	]);
});

it('a link to a file, an anchor, a line or an image that does not exist is reported, and one without TLS', () => {
	assertFaults(brokenLinks(fixture('wrong-links.md'), checkout), [
		`wrong-links.md:3 no-such-file.md: there is no tracked file ${FOLDER}/no-such-file.md`,
		`wrong-links.md:3 Right.md: there is no tracked file ${FOLDER}/Right.md`,
		`wrong-links.md:3 #no-such-section: ${FOLDER}/wrong-links.md has no anchor #no-such-section`,
		`wrong-links.md:4 right.md#no-such-section: ${FOLDER}/right.md has no anchor #no-such-section`,
		/:4 \.\.\/links\.test\.js#L999: __test__\/docs\/links\.test\.js has no line 999/,
		/:4 \.\.\/links\.js#check: __test__\/docs\/links\.js is not a Markdown document, and has no anchor #check/,
		/:5 no-such-image\.svg: there is no tracked file/,
		/:6 no-such-picture\.png: there is no tracked file/,
		/:7 http:\/\/example\.com\/: the link to a public host has to use https:/,
		/:7 https:\/\/: is not a URL/,
		/:7 javascript:void: javascript: is none of https: http: mailto:/,
		/:8 \.\.\/.*outside\.md: there is no tracked file \.\.\/outside\.md/,
		/:8 http:\/\/nodejs\.org\/: the link to a public host has to use https:/,
		/:12 no-such-reference\.md: there is no tracked file/,
	]);
});

it('a program of the examples that does not exist is reported', () => {
	assertFaults(missingFiles(fixture('wrong-links.md'), checkout), [
		/:10 names examples\/no-such-program\.mjs, which does not exist/,
	]);
});

it('a file that does not exist is reported in documents about the checkout, and one that git ignores is not', () => {
	const text =
		'`src/lib.rs` `src/` `lib.rs` `no/lib.rs` `srcs/` `target/` `no-such.mjs` `1.0.0` `text/event-stream` `/mcp/`';
	assertFaults(missingFiles(new Document('CONTRIBUTING.md', text), checkout), [
		'names no/lib.rs, which does not exist',
		'names srcs/, which does not exist',
		'names no-such.mjs, which does not exist',
	]);
	assert.deepEqual(missingFiles(new Document('docs/install.md', text), checkout), []);
});

it('a README that is too long, or that does not begin with the commands to try it, is reported', () => {
	const commands = 'npm run demo\nnpm test\n';
	assert.deepEqual(readmeProblems(new Document('README.md', commands + '\n'.repeat(148))), []);
	assert.deepEqual(readmeProblems(new Document('README.md', commands + '\n'.repeat(198))), []);
	assertFaults(readmeProblems(new Document('README.md', commands + '\n'.repeat(147))), [/has 149 lines/]);
	assertFaults(readmeProblems(new Document('README.md', commands + '\n'.repeat(199))), [/has 201 lines/]);
	assertFaults(readmeProblems(new Document('README.md', '\n'.repeat(24) + commands + '\n'.repeat(130))), [
		/does not name `npm test` in its first 25 lines/,
	]);
});

it('a page is reachable by a chain of links, and not because it exists', () => {
	const pages = new Map(
		Object.entries({
			'README.md': '[a](docs/a.md#x)',
			'docs/a.md': '[b](b.md)',
			'docs/b.md': '',
			'docs/c.md': '[b](b.md)',
		}),
	);
	const read = (/** @type {string} */ path) => new Document(path, pages.get(path) ?? '');
	const reached = reachableFrom(read('README.md'), { files: new Set(pages.keys()), read });
	assert.deepEqual([...reached], ['README.md', 'docs/a.md', 'docs/b.md']);
});

it('the fixtures are not among the documents that are checked, and all others are', () => {
	assert.ok(documents.some(({ path }) => path === 'README.md'));
	assert.deepEqual(
		documents.filter(({ path }) => path.startsWith('__test__/docs/')),
		[],
	);
});

/**
 * @param {string[] | undefined} actual lines, each with the path of a fixture
 * @param {(string | RegExp)[]} expected the end of each line, or a pattern
 */
function assertFaults(actual = [], expected) {
	const all = `these were reported:\n${actual.join('\n')}`;
	for (const [index, fault] of expected.entries()) {
		const line = actual[index] ?? '';
		const isReported = typeof fault === 'string' ? line.endsWith(fault) : fault.test(line);
		assert.ok(isReported, `${fault} is not reported as number ${index + 1}; ${all}`);
	}
	assert.equal(actual.length, expected.length, all);
}
