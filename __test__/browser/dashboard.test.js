// The page of examples/dashboard, in a real browser: it shows what the server says, and goes on when that was away. (`node
// scripts/setup.mjs examples __test__/browser` installs what is needed, but the browser.)

import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';

import { bytes, count, rate } from '../../examples/dashboard/page/format.js';
import { run } from '../support/programs.js';
import { describeWithChromium, launchChromium, movedIn, openPage } from './chromium.js';

/** @import { Browser, BrowserContextOptions, Page } from 'playwright-core' */
/** @import { Sample } from '../../examples/dashboard/numbers.mjs' */

const DESK = { width: 1280, height: 800 };
const HAND = { width: 390, height: 844 };
const FAILURES = /** @type {const} */ (['slow', 'dead', 'overflow']);

describeWithChromium('the dashboard', () => {
	/** @type {Browser} */
	let browser;
	before(async () => {
		browser = await launchChromium();
	});
	after(() => browser?.close());

	it('shows what the server says, number by number, each second', async (test) => {
		const { url } = await start(test, { CLIENTS: '40' });
		const samples = await listen(test, url);
		const { page, assertNoProblems } = await open(test, url);

		let at = '';
		for (let second = 0; second < 4; second++) {
			const shown = await nextNumbers(page, at);
			at = shown.at;
			assert.deepEqual(shown, expected(await samples.until(Number(at))));
		}
		assertNoProblems();
	});

	it('follows sessions that come and leave over HTTP, and counts itself', async (test) => {
		const { url } = await start(test, { CLIENTS: '0' });
		const { page, assertNoProblems } = await open(test, url);
		await untilTile(page, 'sessions', '1');
		assert.equal(await page.textContent('#sessions-note'), 'peak 1 · 1 dashboard');

		const leaving = new AbortController();
		await openSession(url, 'stays');
		await openSession(url, 'says goodbye');
		await openSession(url, 'vanishes', leaving.signal);
		await untilTile(page, 'sessions', '4');
		await fetch(`${url}mcp`, { method: 'DELETE', headers: { 'mcp-session-id': 'says goodbye' } });
		await untilTile(page, 'sessions', '3');
		leaving.abort();
		await untilTile(page, 'sessions', '2');

		assert.equal(await page.textContent('#sessions-note'), 'peak 4 · 1 dashboard');
		assert.equal(await page.textContent('#closed'), '2');
		assert.equal(await page.textContent('[data-reason="deleted"] dd'), '1');
		assert.equal(await page.textContent('[data-reason="gone"] dd'), '1');

		const other = await open(test, url);
		await untilTile(page, 'sessions', '3');
		await untilTile(other.page, 'sessions', '3');
		assert.match(String(await page.textContent('#sessions-note')), / · 2 dashboards$/);
		await other.close();
		await untilTile(page, 'sessions', '2');
		assertNoProblems();
	});

	it('draws a curve in each chart, in the colour of its tile, and draws on', async (test) => {
		const { url } = await start(test, { CLIENTS: '40' });
		const { page, assertNoProblems } = await open(test, url);
		for (const chart of ['sessions', 'messages', 'bytes', 'queued']) {
			await page.waitForFunction(hasCurve, chart);
			const before = await picture(page, chart);
			await page.waitForFunction(([chart, before]) => pictureOf(chart) !== before, [chart, before]);
		}
		// By night they have others.
		await page.emulateMedia({ colorScheme: 'dark' });
		await page.waitForFunction(hasCurve, 'sessions');
		assertNoProblems();

		/** @param {string} chart */
		function hasCurve(chart) {
			const canvas = /** @type {HTMLCanvasElement} */ (document.querySelector(`#${chart}-chart canvas`));
			const colour = getComputedStyle(canvas).getPropertyValue('--accent').trim();
			const [red, green, blue] = [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));
			// Read from a copy: Chromium warns of a canvas that is read often, and moves it out of the GPU.
			const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d', { willReadFrequently: true });
			const context = /** @type {OffscreenCanvasRenderingContext2D} */ (copy);
			context.drawImage(canvas, 0, 0);
			const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
			let pixels = 0;
			for (let at = 0; at < data.length; at += 4) {
				if (data[at] === red && data[at + 1] === green && data[at + 2] === blue && data[at + 3] === 255) pixels++;
			}
			return pixels >= 5;
		}
	});

	it('says in all charts what was at the time that is pointed at', async (test) => {
		const { url } = await start(test, { CLIENTS: '40' });
		const { page, assertNoProblems } = await open(test, url);
		// Two that have a rate: what is between is a curve.
		let { at } = await nextNumbers(page, '');
		for (let second = 0; second < 2; second++) ({ at } = await nextNumbers(page, at));
		const plot = await page.locator('#sessions-chart .u-over').boundingBox();
		assert.ok(plot !== null);
		await page.mouse.move(plot.x + plot.width - 2, plot.y + plot.height / 2);
		await page.waitForFunction(() => document.querySelectorAll('.pointed:not(:empty)').length === 4);
		const pointed = await page.locator('.pointed').allTextContents();
		const patterns = [/^\d+/, /^[\d.,]+\/s/, /^[\d.]+ k?B\/s/, /^[\d.]+ k?B/];
		const times = pointed.map((text, index) => {
			assert.match(text, patterns[index]);
			return text.slice(-8);
		});
		assert.match(times[0], /^\d\d:\d\d:\d\d$/);
		assert.deepEqual(times, new Array(4).fill(times[0]));

		await page.mouse.move(2, 2);
		await page.waitForFunction(() => document.querySelectorAll('.pointed:empty').length === 4);
		assertNoProblems();
	});

	it('has the past and goes on when it is reloaded', async (test) => {
		const { url } = await start(test, { CLIENTS: '0' });
		const { page, assertNoProblems } = await open(test, url);
		await openSession(url, 'stays');
		await untilTile(page, 'sessions', '2');
		await fetch(`${url}mcp`, { method: 'DELETE', headers: { 'mcp-session-id': 'stays' } });
		await untilTile(page, 'sessions', '1');
		await page.reload();
		const { at } = await nextNumbers(page, '');
		// Which is over: it was told of it.
		assert.match(String(await page.textContent('#sessions-note')), /^peak 2 /);
		await nextNumbers(page, at);
		assert.equal(await page.textContent('#status'), 'Live');
		assertNoProblems();
	});

	it('says that the server is away, and goes on by itself when that is back', async (test) => {
		const first = await start(test, { CLIENTS: '0', PORT: anyPort() });
		const { page, assertNoProblems, forgetProblems } = await open(test, first.url);
		await openSession(first.url, 'stays');
		await untilTile(page, 'sessions', '2');
		assert.equal(await page.textContent('#status'), 'Live');
		assertNoProblems();

		first.server.stop();
		assert.equal(await first.server.ended, 0, first.server.output);
		assert.match(first.server.output, /\nStopped\.\n$/);
		await page.waitForSelector('#status:text-is("Reconnecting")');
		assert.equal(await page.textContent('#sessions'), '2', 'what it knows last stays');
		assert.ok(await page.locator('main[data-stale]').count());

		const second = await start(test, { CLIENTS: '0', PORT: String(new URL(first.url).port) });
		assert.equal(second.url, first.url);
		await page.waitForSelector('#status:text-is("Live")');
		await untilTile(page, 'sessions', '1');
		assert.equal(await page.textContent('#sessions-note'), 'peak 1 · 1 dashboard', 'nothing is left of the older one');
		assert.equal(await page.locator('main[data-stale]').count(), 0);
		// That the server was not to be reached is an error, for a browser.
		forgetProblems();
		const { at } = await nextNumbers(page, '');
		await nextNumbers(page, at);
		assertNoProblems();
	});

	for (const [name, viewport] of Object.entries({ desk: DESK, hand: HAND })) {
		for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
			it(`fits in a ${name}'s screen in its ${colorScheme} colours, and nothing in it moves`, async (test) => {
				const { url } = await start(test, { CLIENTS: '40' });
				const { page, assertNoProblems } = await open(test, url, { viewport, colorScheme });
				let { at } = await nextNumbers(page, '');
				for (let second = 0; second < 3; second++) ({ at } = await nextNumbers(page, at));

				assert.deepEqual(await movedIn(page), []);
				const { width, height, cut, lightness } = await page.evaluate(() => ({
					width: document.documentElement.scrollWidth,
					height: document.documentElement.scrollHeight,
					cut: [...document.querySelectorAll('h2, .value, .note, dt, dd, .status')]
						.filter(({ scrollWidth, clientWidth }) => scrollWidth > clientWidth)
						.map(({ textContent }) => textContent),
					lightness: Number(getComputedStyle(document.body).backgroundColor.match(/\d+/)?.[0]),
				}));
				assert.equal(width, viewport.width);
				if (viewport === DESK) assert.equal(height, viewport.height, 'all is to be seen without scrolling');
				assert.deepEqual(cut, []);
				assert.equal(lightness > 128 ? 'light' : 'dark', colorScheme);
				assertNoProblems();
			});
		}
	}

	/**
	 * @param {import('node:test').TestContext} test
	 * @param {string} url
	 * @param {BrowserContextOptions} [options]
	 */
	async function open(test, url, options = { viewport: DESK }) {
		const opened = await openPage(browser, url, options);
		test.after(opened.close);
		// As a string: a function would not know of the other.
		await opened.page.evaluate(`globalThis.pictureOf = ${pictureOf}`);
		return opened;
	}
});

/**
 * @param {import('node:test').TestContext} test
 * @param {Record<string, string>} env
 */
async function start(test, env) {
	const server = run(process.execPath, ['examples/dashboard/server.mjs'], { PORT: '0', ...env });
	// Where the test fails before it does so itself.
	test.after(server.stop);
	const [url] = await server.until(/http:\S+/);
	return { server, url };
}

/** Below those that the system gives to outgoing connections: it is to be free again when the server is started anew. */
function anyPort() {
	return String(10_000 + Math.floor(Math.random() * 20_000));
}

/**
 * Opens the stream of an MCP session.
 *
 * @param {string} url
 * @param {string} id
 * @param {AbortSignal} [signal]
 */
function openSession(url, id, signal) {
	return fetch(`${url}mcp`, { headers: { 'mcp-session-id': id }, ...(signal && { signal }) });
}

/**
 * Listens to the numbers beside the page: both are told the same.
 *
 * @param {import('node:test').TestContext} test
 * @param {string} url
 */
async function listen(test, url) {
	const leaving = new AbortController();
	test.after(() => leaving.abort());
	const events = eventsOf(`${url}numbers`, leaving.signal);
	/** @type {Sample[]} */
	const samples = [(await events.next()).value].flat();
	return {
		/**
		 * Resolves to all that were told until this one.
		 *
		 * @param {number} at
		 */
		async until(at) {
			for (;;) {
				const index = samples.findIndex((sample) => sample.at === at);
				if (index >= 0) return samples.slice(0, index + 1);
				samples.push(...[(await events.next()).value].flat());
			}
		},
	};
}

/**
 * @param {string} url
 * @param {AbortSignal} signal
 * @returns {AsyncGenerator<Sample | Sample[], never>}
 */
async function* eventsOf(url, signal) {
	const { body } = await fetch(url, { signal });
	const decoder = new TextDecoder();
	let text = '';
	for await (const chunk of /** @type {ReadableStream<Uint8Array>} */ (body)) {
		const events = `${text}${decoder.decode(chunk, { stream: true })}`.split('\n\n');
		text = /** @type {string} */ (events.pop());
		for (const event of events) {
			const [, data] = event.match(/^data: (.*)$/m) ?? [];
			if (data !== undefined) yield JSON.parse(data);
		}
	}
	throw new Error('the stream of numbers has ended');
}

/**
 * What the page says, when that is of another second than `at`.
 *
 * @param {Page} page
 * @param {string} at
 */
async function nextNumbers(page, at) {
	const handle = await page.waitForFunction((at) => {
		const main = /** @type {HTMLElement} */ (document.querySelector('main'));
		if (main.dataset.at === undefined || main.dataset.at === at) return undefined;
		const texts = [...document.querySelectorAll('main [id]:not(section)')].map(({ id, textContent }) => [
			id,
			textContent,
		]);
		const reasons = [...document.querySelectorAll('[data-reason]')].map((row) => [
			row.getAttribute('data-reason'),
			row.querySelector('dd')?.textContent,
		]);
		return { at: main.dataset.at, tiles: Object.fromEntries(texts), reasons: Object.fromEntries(reasons) };
	}, at);
	return /** @type {{ at: string, tiles: Record<string, string>, reasons: Record<string, string> }} */ (
		await handle.jsonValue()
	);
}

/**
 * What the page is to say.
 *
 * @param {Sample[]} samples that it was told until now
 */
function expected(samples) {
	const [previous, sample] = samples.length > 1 ? samples.slice(-2) : [samples[0], samples[0]];
	const seconds = (sample.at - previous.at) / 1_000 || 1;
	const { sessions, watchers, messages, bytes: sent, queuedBytes, mailboxBytes, dropped, closed } = sample;
	const peak = Math.max(...samples.map(({ sessions }) => sessions));
	return {
		at: String(sample.at),
		tiles: {
			sessions: count(sessions),
			'sessions-note': `peak ${count(peak)} · ${watchers} ${watchers === 1 ? 'dashboard' : 'dashboards'}`,
			messages: rate((messages - previous.messages) / seconds),
			'messages-note': `${count(messages)} in all`,
			bytes: bytes(Math.round((sent - previous.bytes) / seconds)),
			'bytes-note': `${bytes(sent)} in all`,
			queued: bytes(queuedBytes),
			'queued-note': `${bytes(mailboxBytes)} in the mailbox`,
			dropped: count(dropped),
			closed: count(sum(Object.values(closed))),
			'closed-note': `${count(sum(FAILURES.map((reason) => closed[reason])))} were given up`,
		},
		reasons: Object.fromEntries(Object.entries(closed).map(([reason, number]) => [reason, count(number)])),
	};
}

/** @param {number[]} values */
function sum(values) {
	return values.reduce((total, value) => total + value, 0);
}

/**
 * @param {Page} page
 * @param {string} id
 * @param {string} text
 */
async function untilTile(page, id, text) {
	await page.waitForFunction(([id, text]) => document.getElementById(id)?.textContent === text, [id, text]);
}

/**
 * @param {Page} page
 * @param {string} chart
 * @returns {Promise<string>}
 */
function picture(page, chart) {
	return page.evaluate((chart) => pictureOf(chart), chart);
}

/**
 * All pixels of a chart. It runs in the page.
 *
 * @param {string} chart
 */
function pictureOf(chart) {
	return /** @type {HTMLCanvasElement} */ (document.querySelector(`#${chart}-chart canvas`)).toDataURL();
}
