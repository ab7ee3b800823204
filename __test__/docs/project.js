// A project outside the checkout, as a user would have it: the programs of the documents are saved and run there. It has
// this package and what examples/package.json lists, and nothing else.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { root } from './documents.js';

/** A program that takes longer than this hangs. */
const LIMIT_MS = 30_000;

/** Variables that change what a program does, or that `npm` and `node --test` set for their own children. */
const NOT_INHERITED = /^(npm_|INIT_CWD$|NODE_OPTIONS$|NODE_TEST_CONTEXT$|PORT$|HOST$|REDIS_URL$)/i;

const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !NOT_INHERITED.test(name)));

/** @typedef {ReturnType<typeof makeProject>} Project */

export function makeProject() {
	const folder = realpathSync(mkdtempSync(join(tmpdir(), 'session-manager-docs-')));
	writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
	const { dependencies } = JSON.parse(readFileSync(join(root, 'examples', 'package.json'), 'utf8'));
	for (const name of Object.keys(dependencies)) link(name, join(root, 'examples', 'node_modules', name));
	link('@tmcp-native/session-manager', root);
	// For the compiler.
	link('@types/node', join(root, 'node_modules', '@types', 'node'));

	/**
	 * @param {string} name of a package
	 * @param {string} target
	 */
	function link(name, target) {
		const path = join(folder, 'node_modules', name);
		mkdirSync(dirname(path), { recursive: true });
		// A junction needs no rights on Windows; elsewhere the type is ignored.
		symlinkSync(target, path, 'junction');
	}

	return {
		folder,
		remove: () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }),
	};
}

let started = 0;

/**
 * Saves a program in a folder of its own and starts it. It is killed when it takes too long.
 *
 * @param {Project} project
 * @param {{ code: string, extension?: string, env?: Record<string, string>, limitMs?: number }} program
 */
export function start(project, { code, extension = '.mjs', env = {}, limitMs = LIMIT_MS }) {
	const folder = join(project.folder, `program-${++started}`);
	const file = join(folder, `program${extension}`);
	mkdirSync(folder);
	writeFileSync(file, code);
	const child = spawn(process.execPath, [file], {
		cwd: folder,
		env: { ...environment, ...env },
		stdio: ['ignore', 'pipe', 'pipe'],
		timeout: limitMs,
		killSignal: 'SIGKILL',
	});
	const program = {
		stdout: '',
		stderr: '',
		/** Resolves when the program has ended: to its exit code, or to the signal that ended it. */
		ended: once(child, 'close').then(([code, signal]) => /** @type {number | NodeJS.Signals} */ (code ?? signal)),
		kill: (/** @type {NodeJS.Signals} */ signal) => child.kill(signal),
		/** What the program has printed, for messages. */
		report: () => `\n--- stdout\n${program.stdout}\n--- stderr\n${program.stderr}`,
		/**
		 * Resolves to the first match in stdout; rejects when the program ends without one.
		 *
		 * @param {RegExp} pattern
		 */
		async until(pattern) {
			for (;;) {
				const match = pattern.exec(program.stdout);
				if (match !== null) return match;
				await Promise.race([once(child.stdout, 'data'), program.ended.then(endedEarly)]);
			}
			/** @param {number | NodeJS.Signals} code */
			function endedEarly(code) {
				throw new Error(`ended with ${code} and has not printed ${pattern}:${program.report()}`);
			}
		},
	};
	child.stdout.setEncoding('utf8').on('data', (text) => {
		program.stdout += text;
	});
	child.stderr.setEncoding('utf8').on('data', (text) => {
		program.stderr += text;
	});
	return program;
}
