// Known limits of runtimes. Each entry names the test that fails there, by its exact name or by the beginning of its name with
// `*`. `npm run test:runtimes` fails when the test of an entry passes, or when no test has its name. `sometimes` marks a test
// that passes on some runs.

/** @typedef {{ runtime: string, file: string, test: string, sometimes?: boolean, reason: string }} Limit */

/** @type {Limit[]} */
export const knownLimits = [
	{
		runtime: 'Deno',
		file: 'lifetime/lifetime.test.js',
		test: 'creating and dropping 10,000 managers with open sessions does not leak memory',
		sometimes: true,
		reason: 'Deno never frees the native functions of a manager: each dropped manager leaks about 0.4 KB',
	},
	...['e2e/listen.test.js', 'e2e/sessions.test.js'].map((file) => ({
		runtime: 'Deno',
		file,
		test: '(the file)',
		reason: 'Deno does not load a package that npm has linked into node_modules when another package imports it',
	})),
	{
		runtime: 'Bun',
		file: 'threads/ends.test.js',
		test: '20 processes whose main thread ends while its workers send > exit with code 1 on an uncaught error, without a crash',
		reason:
			'an uncaught error in the main thread does not end a process that has workers, with or without this package',
	},
	{
		runtime: 'Deno',
		file: 'threads/ends.test.js',
		// The tests of all ways to end: they look at the scope in the same turn.
		test: 'the sessions of a worker > *',
		sometimes: true,
		reason: 'Deno reports that a worker has ended before the cleanup of the worker has run',
	},
	...[
		['threads/ends.test.js', 'flush() always resolves in a thread that sends to an ending thread'],
		[
			'threads/ends.test.js',
			'60 workers that end at random moments, while four threads send without pause, leave nothing behind',
		],
		['threads/flush.test.js', 'flush > resolves when a thread that it waits for is terminated'],
		[
			'threads/subscription-ends.test.js',
			'a thread that ends > before it has drained its mailbox does not delay them either',
		],
	].map(([file, test]) => ({
		runtime: 'Deno',
		file,
		test,
		sometimes: true,
		reason: 'Deno does not run the cleanup of a worker that is terminated while it is blocked',
	})),
	...[
		[
			'threads/scopes.test.js',
			'a manager of a scope > keeps memory flat when 5,000 scopes with two managers each are created and dropped',
		],
		[
			'threads/subscription-scopes.test.js',
			'a manager of a scope > keeps memory flat when 5,000 scopes with two managers each are created and dropped',
		],
		[
			'subscriptions/subscriptions.test.js',
			'memory and the end of a process > creating and dropping 5,000 managers with open registrations does not leak memory',
		],
	].map(([file, test]) => ({
		runtime: 'Deno',
		file,
		test,
		sometimes: true,
		reason: 'Deno never frees the native functions of a manager: each dropped manager leaks about 0.4 KB',
	})),
];
