// The work of `delete` does not depend on how many sessions of the thread other threads have deleted. Operations are counted
// at two sizes.

import assert from 'node:assert/strict';

import { flush, numbered, startThreads } from '../support/threads/stream-threads.js';
import { block } from '../support/threads/threads.js';
import { test } from '../support/threads/workers.js';

const { inOneScope } = startThreads();
const SIZES = [100, 1_000];

/** Makes the worker count its lookups in Maps from now on. */
function startCounting(/** @type {any} */ { own }) {
	const { get } = Map.prototype;
	own.lookups = 0;
	own.stopCounting = () => {
		Map.prototype.get = get;
		return own.lookups;
	};
	Map.prototype.get = function (key) {
		own.lookups++;
		return get.call(this, key);
	};
}

const stopCounting = (/** @type {any} */ { own }) => own.stopCounting();

test('delete looks at no session with another id, however many of them another thread has deleted', async () => {
	const lookups = [];
	for (const size of SIZES) {
		const { here, one } = await inOneScope();
		const ids = numbered(size);
		await one.run((driver, ids) => {
			for (const id of ids) driver.create(id);
		}, ids);
		await one.do('create', 'own');
		const { release } = await block(one);
		for (const id of ids) here.driver.delete(id);
		const counted = one.run((driver, source) => {
			Function(`return (${source})`)()(driver);
			driver.delete('own');
			return driver.own.stopCounting();
		}, startCounting.toString());
		await release();
		lookups.push(await counted);
		await flush(here, one);
	}
	assert.equal(lookups[0], lookups[1]);
});

test('an onClose that calls delete does the same work for each session that another thread has deleted', async () => {
	const perSession = [];
	for (const size of SIZES) {
		const { here, one, scope } = await inOneScope();
		await one.run(
			({ own, tools }, scope, size) => {
				own.closed = [];
				own.manager = new tools.InMemoryStreamSessionManager({
					scope,
					onClose: (/** @type {string} */ id) => {
						own.closed.push(id);
						own.manager.delete(id);
					},
				});
				for (let id = 0; id < size; id++) own.manager.create(`${id}`, tools.fakeController());
			},
			scope,
			size,
		);
		await one.run(startCounting);
		for (const id of numbered(size)) here.driver.delete(id);
		await flush(here);
		perSession.push((await one.run(stopCounting)) / size);
		assert.deepEqual(await one.run(({ own }) => own.closed), numbered(size));
	}
	const [few, many] = perSession;
	assert.ok(many <= few * 1.5, `${few} and ${many} lookups per session`);
});
