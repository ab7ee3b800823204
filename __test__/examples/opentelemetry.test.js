// Tests the metrics of the OpenTelemetry example, and runs the example. Needs the packages that
// `node scripts/setup.mjs examples` installs.

import assert from 'node:assert/strict';
import { channel } from 'node:diagnostics_channel';
import { createRequire } from 'node:module';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';

import { InMemoryStreamSessionManager } from '@tmcp-native/session-manager';
import { DURATION_BOUNDARIES, meterSessions } from '../../examples/opentelemetry/session-metrics.mjs';
import { run } from '../support/programs.js';
import { fakeController, openStream } from '../support/streams.js';

/** @import { MetricData } from '../../examples/node_modules/@opentelemetry/sdk-metrics/build/src/index.js' */

// The SDK is a dependency of the examples.
const { AggregationTemporality, InMemoryMetricExporter, MeterProvider, PeriodicExportingMetricReader } = createRequire(
	new URL('../../examples/', import.meta.url),
)('@opentelemetry/sdk-metrics');

const HISTOGRAM = 'mcp.server.session.duration';
const REASON = 'tmcp.session.close_reason';
const KB = 'x'.repeat(1_000);

const sessionClosed = channel('tmcp-native:session:closed');
const posix = { skip: process.platform === 'win32' && 'Windows has no SIGTERM', timeout: 60_000 };

describe('meterSessions', () => {
	it('exports the numbers of the manager', async (test) => {
		const manager = new InMemoryStreamSessionManager({ maxQueuedBytes: 2_500 });
		const { numbers } = meter(test, manager);
		for (const id of ['ada', 'ben', 'cleo']) manager.create(id, openStream().controller);
		manager.send(undefined, KB);
		manager.send(['ada'], 'é');
		manager.delete('cleo');

		assert.deepEqual(await numbers(), {
			'tmcp.session.active': 2,
			'tmcp.session.closed deleted': 1,
			'tmcp.session.refused': 0,
			'tmcp.message.sent': 4,
			'tmcp.message.io': 3_002,
			'tmcp.message.dropped': 0,
			'tmcp.queue.size': 2_002,
			'tmcp.mailbox.size': 0,
		});
	});

	it('exports sessions that were refused because of maxSessions', async (test) => {
		const manager = new InMemoryStreamSessionManager({ maxSessions: 1 });
		const { numbers } = meter(test, manager);
		manager.create('ada', fakeController());
		for (const id of ['ben', 'cleo'])
			assert.throws(() => manager.create(id, fakeController()), { code: 'ERR_SESSION_LIMIT' });
		const exported = await numbers();
		assert.deepEqual([exported['tmcp.session.active'], exported['tmcp.session.refused']], [1, 2]);
	});

	it('exports dropped messages, and does not count their bytes', async (test) => {
		const manager = new InMemoryStreamSessionManager({ maxQueuedBytes: 2_500, onSlowClient: 'drop' });
		const { numbers } = meter(test, manager);
		manager.create('ada', openStream().controller);
		for (let sent = 0; sent < 6; sent++) {
			manager.send(undefined, KB);
			await turn();
		}

		const exported = await numbers();
		assert.equal(exported['tmcp.message.dropped'], 3);
		assert.equal(exported['tmcp.message.sent'], 3);
		assert.equal(exported['tmcp.message.io'], 3_000);
	});

	it('exports closed sessions by reason, with an error type for failures', async (test) => {
		const manager = new InMemoryStreamSessionManager({ maxQueuedBytes: 2_500 });
		const { numbers, points } = meter(test, manager);
		const reading = openStream();
		for (const id of ['deleted', 'replaced', 'shutdown']) manager.create(id, openStream().controller);
		manager.create('slow', openStream().controller);
		manager.create('gone', reading.controller);

		await reading.reader.cancel();
		manager.send(['gone'], 'x');
		for (let sent = 0; sent < 4; sent++) {
			manager.send(['slow'], KB);
			await turn();
		}
		manager.delete('deleted');
		manager.create('replaced', openStream().controller);
		await manager.close();

		const exported = await numbers();
		const counts = { deleted: 1, replaced: 1, gone: 1, slow: 1, shutdown: 2 };
		for (const [reason, count] of Object.entries(counts)) {
			assert.equal(exported[`tmcp.session.closed ${reason}`], count, reason);
		}
		assert.equal(exported['tmcp.session.active'], 0);
		for (const name of ['tmcp.session.closed', HISTOGRAM]) {
			for (const { attributes } of await points(name)) {
				const isFailure = ['slow', 'dead', 'overflow'].includes(attributes[REASON]);
				assert.deepEqual(attributes, {
					[REASON]: attributes[REASON],
					...(isFailure && { 'error.type': attributes[REASON] }),
				});
			}
		}
		const measured = (await points(HISTOGRAM)).map(({ attributes, value }) => [attributes[REASON], value.count]);
		assert.deepEqual(Object.fromEntries(measured), counts);
	});

	it('exports every reason from the start, so that the first session counts as an increase', async (test) => {
		const manager = new InMemoryStreamSessionManager();
		const { points } = meter(test, manager);
		const reasons = (await points('tmcp.session.closed')).map(({ attributes, value }) => [attributes[REASON], value]);
		assert.deepEqual(
			Object.fromEntries(reasons),
			Object.fromEntries(Object.keys(manager.stats().closed).map((reason) => [reason, 0])),
		);
	});

	it('measures the duration of sessions in seconds, in the buckets of the conventions', async (test) => {
		let at = 1_000;
		// Hides the real `now`, which is a method of the prototype.
		performance.now = () => at;
		const restoreClock = () => Reflect.deleteProperty(performance, 'now');
		test.after(restoreClock);
		const manager = new InMemoryStreamSessionManager();
		const { points, metric } = meter(test, manager);
		// Seconds, and the index of the bucket: of the first boundary that is not less.
		const lives = [
			[0, 0],
			[0.01, 0],
			[0.015, 1],
			[0.75, 6],
			[1, 6],
			[45, 11],
			[300, 13],
			[3_600, 14],
		];
		for (const [seconds] of lives) {
			manager.create('ada', fakeController());
			at += seconds * 1_000;
			manager.delete('ada');
		}
		restoreClock();

		const [{ value, attributes }, ...others] = await points(HISTOGRAM);
		const counts = new Array(DURATION_BOUNDARIES.length + 1).fill(0);
		for (const [, bucket] of lives) counts[bucket]++;
		assert.deepEqual(others, []);
		assert.deepEqual(attributes, { [REASON]: 'deleted' });
		assert.deepEqual(value.buckets, { boundaries: DURATION_BOUNDARIES, counts });
		assert.deepEqual(DURATION_BOUNDARIES, [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300]);
		assert.equal(value.count, lives.length);
		assert.ok(Math.abs(value.sum - lives.reduce((sum, [seconds]) => sum + seconds, 0)) < 1e-6, `${value.sum}`);
		assert.deepEqual([value.min, value.max], [0, 3_600]);
		assert.equal((await metric(HISTOGRAM))?.descriptor.unit, 's');
	});

	it('leaves earlier sessions out of the histogram, and counts their end', async (test) => {
		const manager = new InMemoryStreamSessionManager();
		manager.create('earlier', fakeController());
		const { numbers, points } = meter(test, manager);
		manager.create('later', fakeController());
		manager.delete('earlier');
		manager.delete('later');

		assert.equal((await numbers())['tmcp.session.closed deleted'], 2);
		assert.deepEqual(
			(await points(HISTOGRAM)).map(({ value }) => value.count),
			[1],
		);
	});

	it('calls stats() once for each export', async (test) => {
		const manager = new CountingManager();
		const { numbers } = meter(test, manager);
		await numbers();
		await numbers();
		assert.equal(manager.calls, 2);
	});

	it('unsubscribes and does not call stats() after it is stopped', async (test) => {
		const manager = new CountingManager();
		const { stop, numbers, points } = meter(test, manager);
		assert.equal(sessionClosed.hasSubscribers, true);
		manager.create('ada', fakeController());
		manager.delete('ada');
		stop();
		assert.equal(sessionClosed.hasSubscribers, false);

		manager.create('ben', fakeController());
		manager.delete('ben');
		await numbers();
		assert.equal(manager.calls, 0);
		assert.deepEqual(
			(await points(HISTOGRAM)).map(({ value }) => value.count),
			[1],
		);
	});

	it('stops only its own metrics', async (test) => {
		const manager = new InMemoryStreamSessionManager();
		const first = meter(test, manager);
		const second = meter(test, manager);
		first.stop();
		first.stop();
		assert.equal(sessionClosed.hasSubscribers, true);
		manager.create('ada', fakeController());
		manager.delete('ada');
		assert.equal((await second.numbers())['tmcp.session.closed deleted'], 1);
		assert.equal((await second.points(HISTOGRAM)).length, 1);
		assert.equal((await first.points(HISTOGRAM)).length, 0);
	});
});

describe('the example server with OpenTelemetry', () => {
	it('prints metrics while it runs, and once more at its end', posix, async (test) => {
		const server = run(process.execPath, ['examples/opentelemetry.mjs'], { PORT: '0', EXPORT_MS: '200' });
		test.after(server.stop);
		const [url] = await server.until(/http:\S+/);
		const open = (/** @type {string} */ id) => fetch(url, { headers: { 'mcp-session-id': id } });
		const leaves = await open('leaves');
		const stays = await open('stays');
		await server.until(/^ {2}tmcp\.session\.active +2 \{session\}$/m);

		await fetch(url, { method: 'DELETE', headers: { 'mcp-session-id': 'leaves' } });
		await server.until(/^ {2}mcp\.server\.session\.duration \[deleted\] +1 × \d+\.\d{3} s /m);
		await server.until(/^ {2}tmcp\.session\.closed \[deleted\] +1 \{session\}$/m);
		server.stop();
		await leaves.text();
		await stays.text();
		assert.equal(await server.ended, 0, server.output);
		const [last] = server.output.split(/^\d\d:\d\d:\d\d UTC$/m).slice(-1);
		assert.match(last, /^ {2}mcp\.server\.session\.duration \[shutdown\] +1 × /m);
		assert.match(last, /^ {2}tmcp\.session\.active +0 \{session\}$/m);
		assert.match(last, /\nStopped\.\n$/);
	});
});

class CountingManager extends InMemoryStreamSessionManager {
	/** Number of calls of `stats`. */
	calls = 0;

	/** @override */
	stats() {
		this.calls++;
		return super.stats();
	}
}

/**
 * Creates the metrics of a manager, and stops them when the test ends.
 *
 * @param {import('node:test').TestContext} test
 * @param {InMemoryStreamSessionManager} manager
 */
function meter(test, manager) {
	const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
	// Exports only when the test requests it: the interval is longer than the test.
	const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 2 ** 31 - 1 });
	const provider = new MeterProvider({ readers: [reader] });
	const stop = meterSessions(provider.getMeter('test'), manager);
	test.after(async () => {
		stop();
		await provider.shutdown();
	});

	/** @returns {Promise<MetricData[]>} */
	async function collect() {
		exporter.reset();
		await provider.forceFlush();
		return exporter.getMetrics().flatMap((/** @type {any} */ { scopeMetrics }) => scopeMetrics.flatMap(metricsOf));
	}

	/** @param {string} name */
	async function metric(name) {
		return (await collect()).find(({ descriptor }) => descriptor.name === name);
	}

	return {
		stop,
		metric,
		/** @param {string} name */
		async points(name) {
			/** @type {any[]} */
			const points = (await metric(name))?.dataPoints ?? [];
			return points;
		},
		/** Returns all metrics with one number, by name and reason. Leaves out reasons with 0. */
		async numbers() {
			const others = (await collect()).filter(({ descriptor }) => descriptor.name !== HISTOGRAM);
			/** @type {any[]} */
			const all = others.flatMap(({ descriptor: { name }, dataPoints }) =>
				dataPoints.map(({ attributes, value }) => [[name, attributes[REASON]].filter(Boolean).join(' '), value]),
			);
			return Object.fromEntries(all.filter(([name, value]) => value !== 0 || !name.includes(' ')));
		},
	};
}

/** @param {{ metrics: MetricData[] }} scope */
function metricsOf({ metrics }) {
	return metrics;
}
