// What a runtime cannot do, by the exact name of the test that shows it, or by what it begins with (`*`). Each is a row in the
// README as well. An entry whose test passes after all, or that names no test, fails `npm run test:runtimes`; `sometimes` is
// for what is near a bound, and passes on some runs.

/** @typedef {{ runtime: string, file: string, test: string, sometimes?: boolean, reason: string }} Limit */

/** @type {Limit[]} */
export const knownLimits = [
	{
		runtime: 'Deno',
		file: 'lifetime/lifetime.test.js',
		test: 'creating and dropping 20,000 managers with open sessions does not leak memory',
		sometimes: true,
		reason: 'Deno never frees the native functions of a manager: each one made and dropped leaves some 0.4 KB behind',
	},
	...['e2e/listen.test.js', 'e2e/sessions.test.js'].map((file) => ({
		runtime: 'Deno',
		file,
		test: '(the file)',
		reason: 'Deno does not load a package that npm links into node_modules, as this one is there, from another package',
	})),
	{
		runtime: 'Bun',
		file: 'threads/ends.test.js',
		test: '20 processes whose main thread ends while its workers post > end with code 1 on an uncaught error, and not by a crash',
		reason:
			'an uncaught error in the main thread does not end a process that has workers, with or without this package',
	},
	{
		runtime: 'Deno',
		file: 'threads/ends.test.js',
		// In whichever way it ended: the tests look in the same turn.
		test: 'the sessions of a worker > *',
		sometimes: true,
		reason: 'Deno says that a worker has ended before its part of a scope is given up',
	},
	...[
		['threads/ends.test.js', 'a thread that sends to one that ends, and flushes all the while, is never left waiting'],
		[
			'threads/ends.test.js',
			'60 workers that end at any moment, while four threads post as fast as they can, leave nothing behind',
		],
		['threads/streams.test.js', 'flush > resolves when a thread it waits for is terminated'],
		['threads/subscriptions.test.js', 'a thread that ends > before it has woken to them is not waited for either'],
	].map(([file, test]) => ({
		runtime: 'Deno',
		file,
		test,
		sometimes: true,
		reason: 'a worker that is terminated while it spins or waits does not give up its part of a scope',
	})),
	{
		runtime: 'Deno',
		file: 'threads/streams.test.js',
		test: 'a manager of a scope > leaves memory flat, made and dropped 20,000 times with sessions in it',
		sometimes: true,
		reason: 'Deno never frees the native functions of a manager: each one made and dropped leaves some 0.4 KB behind',
	},
];
