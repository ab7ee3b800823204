// Values of info managers that store them as JSON: which are accepted, which are refused, and what a getter returns.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { runInNewContext } from 'node:vm';

import fc from 'fast-check';
import { VALUES } from './info.js';
import { assertReturnedNothing } from './results.js';

/** @import { InfoImplementation } from '../support/implementations.js' */

const CLIENT = { name: 'client', version: '1' };

class Client {
	name = 'client';
}
class List extends Array {}
const cycle = { name: 'client', in: { it: [/** @type {unknown} */ (undefined)] } };
cycle.in.it[0] = cycle;
/** Description, value, and the part of the error that says what was found. @type {[what: string, value: unknown, found: string][]} */
export const REFUSED = [
	['an instance of a class', new Client(), 'it is an instance of Client'],
	['a Date', { since: new Date(0) }, 'its "since" is an instance of Date'],
	['a Map', { a: { b: new Map() } }, 'its "a.b" is an instance of Map'],
	['a Set in an array', { a: [1, new Set()] }, 'its "a[1]" is an instance of Set'],
	['bytes', { 'a b': new Uint8Array(1) }, 'its "["a b"]" is an instance of Uint8Array'],
	['a string object', { a: new String('a') }, 'its "a" is an instance of String'],
	['an instance of a subclass of Array', { a: List.from([1]) }, 'its "a" is an instance of a subclass of Array'],
	['a function', { a: [[() => {}]] }, 'its "a[0][0]" is a function'],
	['a symbol', { a: Symbol('s') }, 'its "a" is the symbol Symbol(s)'],
	['a bigint', { a: 1n }, 'its "a" is the bigint 1'],
	['NaN', { a: NaN }, 'its "a" is the number NaN'],
	['an infinity', { '': { a: -Infinity } }, 'its "[""].a" is the number -Infinity'],
	['undefined in an array', { a: [undefined] }, 'its "a[0]" is undefined'],
	// biome-ignore lint/suspicious/noSparseArray: the hole is what the test is about
	['a hole in an array', { a: [1, , 2] }, 'its "a[1]" is undefined'],
	['an object with a toJSON', { a: { toJSON: () => 1 } }, 'its "a" is an object with the method toJSON()'],
	['a circular reference', cycle, 'its "in.it[0]" is a circular reference'],
];

/**
 * Tests that a getter resolves to a copy of the value that was set.
 *
 * @param {object} implementation
 * @param {InfoImplementation['make']} implementation.make
 * @param {() => Promise<{ info: (method: any, ...args: any[]) => Promise<any> }[]>} implementation.open opens two managers
 *   that share their data; `info` calls a method
 */
export function testInfoCopies({ make, open }) {
	test('a value is stored and returned as a copy: later changes of either object have no effect', async () => {
		const manager = make();
		const original = { name: 'client', version: '1', icons: [{ src: 'a' }] };
		const stored = manager.setClientInfo('a', original);
		original.icons[0].src = 'b';
		await stored;
		const got = await manager.getClientInfo('a');
		assert.deepEqual(got, { name: 'client', version: '1', icons: [{ src: 'a' }] });
		Object.assign(/** @type {any} */ (got), { name: 'another' });
		const again = await manager.getClientInfo('a');
		assert.deepEqual(again, { name: 'client', version: '1', icons: [{ src: 'a' }] });
		assert.notEqual(await manager.getClientInfo('a'), again);
	});

	test('any value that JSON can carry is returned unchanged', async () => {
		const [here, other] = await open();
		const capabilities = fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue({ stringUnit: 'binary' }));
		await fc.assert(
			fc.asyncProperty(capabilities, async (value) => {
				// Parsed values have own properties of any name, and the usual prototypes.
				const parsed = JSON.parse(JSON.stringify(value));
				await here.info('setClientCapabilities', 'a', parsed);
				assert.deepEqual(await here.info('getClientCapabilities', 'a'), parsed);
				await other.info('setClientCapabilities', 'b', await other.info('getClientCapabilities', 'a'));
				assert.deepEqual(await here.info('getClientCapabilities', 'b'), parsed);
			}),
			{ numRuns: 300 },
		);
		for (const value of [
			JSON.parse('{"__proto__":{"a":1},"constructor":[],"":{"":null}}'),
			{ surrogates: ['\ud83d', '\ude00', '\u{1f600}', '\ud83d\ud83d'], control: '\0\b\x1f"\\/\u2028' },
			{ numbers: [0, -0, 1e308, 5e-324, -1.5, 2 ** 53] },
			{ long: 'ü'.repeat(1_000_000) },
		]) {
			await here.info('setClientCapabilities', 'a', value);
			assert.deepEqual(await here.info('getClientCapabilities', 'a'), value);
			assert.deepEqual(await other.info('getClientCapabilities', 'a'), value);
		}
	});

	test('properties with the value undefined are omitted', async () => {
		const manager = make();
		await manager.setClientInfo(
			'a',
			/** @type {any} */ ({ ...CLIENT, title: undefined, icons: [{ src: 'a', sizes: undefined }] }),
		);
		assert.deepEqual(await manager.getClientInfo('a'), { ...CLIENT, icons: [{ src: 'a' }] });
	});

	test('a value may be an object of another realm, without a prototype, or with getters', async () => {
		const manager = make();
		let reads = 0;
		const withGetter = {
			get name() {
				// A second read would return NaN, which is refused: the value must be read once.
				return reads++ === 0 ? 'client' : NaN;
			},
			version: '1',
		};
		const bare = Object.assign(Object.create(null), CLIENT);
		for (const client of [runInNewContext(`({ name: 'client', version: '1' })`), withGetter, bare]) {
			await manager.setClientInfo('a', /** @type {any} */ (client));
			assert.deepEqual(await manager.getClientInfo('a'), CLIENT);
		}
	});

	test('an object may occur in several places of a value', async () => {
		const manager = make();
		const same = { a: [] };
		await manager.setClientCapabilities('a', /** @type {any} */ ({ experimental: { one: same, two: [same, same] } }));
		assert.deepEqual(await manager.getClientCapabilities('a'), { experimental: { one: same, two: [same, same] } });
	});

	test('a value may be nested deeper than JSON.stringify of Node 20 supports, as a client’s request may be', async () => {
		const DEPTH = 10_000;
		const manager = make();
		const nested = JSON.parse(`${'{"a":['.repeat(DEPTH)}1${']}'.repeat(DEPTH)}`);
		await manager.setClientCapabilities('a', nested);
		let inner = /** @type {any} */ (await manager.getClientCapabilities('a'));
		for (let depth = 0; depth < DEPTH; depth++) inner = inner.a[0];
		assert.equal(inner, 1);
	});
}

/**
 * Tests that ids and URIs that are not strings, and values that JSON cannot carry, are refused with a {@link TypeError}.
 *
 * @param {object} implementation
 * @param {InfoImplementation['make']} implementation.make
 * @param {InfoImplementation['make']} implementation.makeForOne creates a manager with `maxSessions: 1`, if it
 *   has that option
 * @param {(argument: string, found: string) => string | RegExp} implementation.refusal the message for a value that JSON
 *   cannot carry
 * @param {boolean} [implementation.promises] methods that return nothing return a promise
 */
export function testInfoRefusals(implementation) {
	const { make, makeForOne, refusal } = implementation;

	describe('a value that JSON cannot carry is refused, and nothing is changed', () => {
		for (const [what, value, found] of REFUSED) {
			test(what, async () => {
				const manager = /** @type {any} */ (makeForOne());
				for (const [method, name] of [
					['ClientInfo', 'clientInfo'],
					['ClientCapabilities', 'clientCapabilities'],
					['LogLevel', 'logLevel'],
				]) {
					const error = {
						name: 'TypeError',
						code: 'ERR_INVALID_ARG_VALUE',
						message: refusal(`set${method}: "${name}"`, found),
					};
					assert.throws(() => manager[`set${method}`]('refused', value), error);
					// The refused call has created no session, so there is room for this one.
					await manager[`set${method}`]('a', 'before');
					assert.throws(() => manager[`set${method}`]('a', value), error);
					assert.equal(await manager[`get${method}`]('a'), 'before');
				}
			});
		}
	});

	describe('a value that is not a string', () => {
		for (const [value, got] of /** @type {[unknown, string][]} */ ([
			[undefined, 'undefined'],
			[null, 'null'],
			[7, 'the number 7'],
			[Symbol('s'), 'the symbol Symbol(s)'],
			[{}, 'an object'],
			[['a'], 'an array'],
		])) {
			test(`is refused as an id or URI by the methods that set something: ${got}`, async () => {
				const manager = /** @type {any} */ (makeForOne());
				for (const [method, name, ...args] of [
					['setClientInfo', 'id', value, CLIENT],
					['setClientCapabilities', 'id', value, {}],
					['setLogLevel', 'id', value, 'error'],
					['addSubscription', 'id', value, 'uri'],
					['addSubscription', 'uri', 'refused', value],
				]) {
					const message = `${method}: "${name}" must be a string; got ${got}`;
					assert.throws(() => manager[/** @type {string} */ (method)](...args), {
						name: 'TypeError',
						code: 'ERR_INVALID_ARG_TYPE',
						message,
					});
				}
				await manager.setLogLevel('a', 'error');
			});

			test(`is treated as an unknown id or URI by all other methods: ${got}`, async () => {
				const manager = /** @type {any} */ (make());
				await manager.addSubscription('a', 'uri');
				for (const [what] of VALUES) {
					const result = manager[`get${what}`](value);
					assert.ok(result instanceof Promise);
					await assert.rejects(result);
				}
				assert.deepEqual(await manager.getSubscriptions(value), []);
				await assertReturnedNothing(manager.removeSubscription(value, 'uri'), implementation);
				await assertReturnedNothing(manager.removeSubscription('a', value), implementation);
				await assertReturnedNothing(manager.delete(value), implementation);
				assert.deepEqual(await manager.getSubscriptions('uri'), ['a']);
			});
		}
	});
}
