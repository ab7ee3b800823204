// What a runtime cannot do, by the exact name of the test that shows it. Each is a row in the README as well. An entry
// whose test passes after all, or that names no test, fails `npm run test:runtimes`; `sometimes` is for what is near a
// bound, and passes on some runs.

/** @typedef {{ runtime: string, file: string, test: string, sometimes?: boolean, reason: string }} Limit */

/** @type {Limit[]} */
export const knownLimits = [
	{
		runtime: 'Deno',
		file: 'lifetime.test.js',
		test: '100,000 managers made and dropped with sessions in them leave memory flat',
		sometimes: true,
		reason: 'Deno never frees the native functions of a manager: each one made and dropped leaves some 0.4 KB behind',
	},
	{
		runtime: 'Deno',
		file: 'demo.test.js',
		test: 'the example server > answers the lines it prints, typed into a shell',
		reason: 'told to stop, the example server says "Stopped." but ends by the signal and not with 0',
	},
	{
		runtime: 'Deno',
		file: 'demo.test.js',
		test: 'the example server > ends the streams that are open when it is told to stop',
		reason: 'told to stop, the example server says "Stopped." but ends by the signal and not with 0',
	},
	...['e2e/listen.test.js', 'e2e/sessions.test.js'].map((file) => ({
		runtime: 'Deno',
		file,
		test: '(the file)',
		reason: 'Deno does not load a package that npm links into node_modules, as this one is there, from another package',
	})),
];
