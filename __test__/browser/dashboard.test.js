// Opens the page of examples/dashboard in a real browser. Needs Chromium, and the packages that
// `node scripts/setup.mjs examples __test__/browser` installs.

import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import { after, before, it } from 'node:test';

import { bytes, count, rate } from '../../examples/dashboard/page/format.js';
import { run } from '../support/programs.js';
import { describeWithChromium, launchChromium, movedIn, nextFrame, openPage } from './chromium.js';

/** @import { Browser, BrowserContextOptions, Page } from 'playwright-core' */
/** @import { Sample } from '../../examples/dashboard/numbers.mjs' */

const DESKTOP = { width: 1440, height: 900 };
const LAPTOP = { width: 1280, height: 800 };
const PHONE = { width: 390, height: 844 };
const FAILURES = /** @type {const} */ (['slow', 'dead', 'overflow']);

/** WCAG's minimum for text. */
const MINIMUM_CONTRAST = 4.5;

describeWithChromium('the dashboard', () => {
	/** @type {Browser} */
	let browser;
	before(async () => {
		browser = await launchChromium();
	});
	after(() => browser?.close());

	it('shows every number that the server sends, each second', async (test) => {
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

	it('follows sessions that open and close over HTTP, and does not count dashboards', async (test) => {
		const { url } = await start(test, { CLIENTS: '0' });
		const { page, assertNoProblems } = await open(test, url);
		await untilTile(page, 'sessions', '0');
		assert.equal(await page.textContent('#sessions-note'), 'peak 0 in 2 min');

		const leaving = new AbortController();
		await openSession(test, url, 'stays');
		await openSession(test, url, 'ends its session');
		await openSession(test, url, 'disconnects', leaving.signal);
		await untilTile(page, 'sessions', '3');
		await fetch(`${url}mcp`, { method: 'DELETE', headers: { 'mcp-session-id': 'ends its session' } });
		await untilTile(page, 'sessions', '2');
		leaving.abort();
		await untilTile(page, 'sessions', '1');

		assert.equal(await page.textContent('#sessions-note'), 'peak 3 in 2 min');
		assert.equal(await page.textContent('#closed'), '2');
		assert.equal(await page.textContent('[data-reason="deleted"] dd'), '1');
		assert.equal(await page.textContent('[data-reason="gone"] dd'), '1');

		const other = await open(test, url);
		const both = await nextNumbers(other.page, (await nextNumbers(other.page, '')).at);
		await other.close();
		const one = await nextNumbers(page, (await nextNumbers(page, both.at)).at);
		for (const { tiles } of [both, one]) {
			assert.equal(tiles.sessions, '1');
			assert.equal(tiles.closed, '2');
			assert.equal(tiles.messages, '0', 'the messages to dashboards are counted');
		}
		assertNoProblems();
	});

	it('says that the clients are simulated, and how many', async (test) => {
		const { url } = await start(test, { CLIENTS: '40' });
		const { page, assertNoProblems } = await open(test, url);
		const text = await sourceIn(page);
		assert.match(text, /^These clients are simulated\. Up to 40 of them connect, read and leave\./);
		assert.ok(text.includes(`${url}mcp`), text);
		assertNoProblems();
	});

	it('shows the URL to connect to when no clients are simulated', async (test) => {
		const { url } = await start(test, { CLIENTS: '0' });
		const { page, assertNoProblems } = await open(test, url);
		assert.match(await sourceIn(page), /^No clients are simulated\. Connect an MCP client to /);
		const mcpUrl = String(await page.textContent('.source:visible code'));
		assert.equal(mcpUrl, `${url}mcp`);
		const { status } = await openSession(test, url, 'connects');
		assert.equal(status, 200);
		await untilTile(page, 'sessions', '1');
		assertNoProblems();
	});

	it('draws a curve in each chart, in the color of its tile, and continues it', async (test) => {
		const { url } = await start(test, { CLIENTS: '40' });
		const { page, assertNoProblems } = await open(test, url);
		for (const chart of ['sessions', 'messages', 'bytes', 'queued']) {
			await page.waitForFunction(hasCurve, chart);
			const before = await picture(page, chart);
			await page.waitForFunction(([chart, before]) => pictureOf(chart) !== before, [chart, before]);
		}
		// The dark theme has other colors.
		await page.emulateMedia({ colorScheme: 'dark' });
		await page.waitForFunction(hasCurve, 'sessions');
		assertNoProblems();

		/** @param {string} chart */
		function hasCurve(chart) {
			const canvas = /** @type {HTMLCanvasElement} */ (document.querySelector(`#${chart}-chart canvas`));
			const color = getComputedStyle(canvas).getPropertyValue('--accent').trim();
			const [red, green, blue] = [1, 3, 5].map((at) => Number.parseInt(color.slice(at, at + 2), 16));
			// Reads a copy: Chromium warns about a canvas that is read often, and moves it out of the GPU.
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

	it('draws the label at the top of an axis whole', async (test) => {
		const { url } = await start(test, { CLIENTS: '0' });
		// With these, the axes of sessions (140) and of queued bytes (1.4 MB) end at a label.
		const samples = fakeSamples({ sessions: 121, queuedBytes: 1_210_000 });
		const { page } = await open(test, url, { viewport: DESKTOP }, fakeEventStream(samples));
		await nextNumbers(page, '');
		await nextFrame(page);
		for (const chart of ['sessions', 'messages', 'bytes', 'queued']) {
			const labels = await page.evaluate(labelsOf, chart);
			assert.ok(labels.length > 2, `${chart} has ${labels.length} labels`);
			const [top, ...others] = labels;
			assert.ok(top.from > 0, `${chart}: the top label is clipped`);
			assert.ok(top.height >= Math.min(...others.map(({ height }) => height)), `${chart}: the top label is clipped`);
			if (chart === 'sessions' || chart === 'queued') assert.ok(top.from < 10, `${chart}: no label is at the top`);
		}

		/**
		 * Returns the rows of pixels that the labels of the vertical axis cover. Runs in the page.
		 *
		 * @param {string} chart
		 */
		function labelsOf(chart) {
			const canvas = /** @type {HTMLCanvasElement} */ (document.querySelector(`#${chart}-chart canvas`));
			const over = /** @type {HTMLElement} */ (document.querySelector(`#${chart}-chart .u-over`));
			const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d');
			const context = /** @type {OffscreenCanvasRenderingContext2D} */ (copy);
			context.drawImage(canvas, 0, 0);
			const width = over.offsetLeft - 2;
			/** @type {{ from: number, height: number }[]} */
			const labels = [];
			let isInLabel = false;
			// Down to the middle of the lowest label, above the labels of the other axis.
			for (let row = 0; row < over.offsetTop + over.clientHeight; row++) {
				const isInked = context.getImageData(0, row, width, 1).data.some((value, at) => at % 4 === 3 && value > 0);
				if (isInked && !isInLabel) labels.push({ from: row, height: 0 });
				if (isInked) labels[labels.length - 1].height++;
				isInLabel = isInked;
			}
			// The lowest one is cut by the loop, not by the chart.
			return labels.slice(0, -1);
		}
	});

	it('shows in all charts the values at the time that the pointer is at', async (test) => {
		const { url } = await start(test, { CLIENTS: '40' });
		const { page, assertNoProblems } = await open(test, url);
		// Waits for two samples that have a rate: the curve is between them.
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

	it('shows the past after a reload, and continues', async (test) => {
		const { url } = await start(test, { CLIENTS: '0' });
		const { page, assertNoProblems } = await open(test, url);
		await openSession(test, url, 'stays');
		await untilTile(page, 'sessions', '1');
		await fetch(`${url}mcp`, { method: 'DELETE', headers: { 'mcp-session-id': 'stays' } });
		await untilTile(page, 'sessions', '0');
		await page.reload();
		const { at } = await nextNumbers(page, '');
		// The session is closed: the page has the peak from the history.
		assert.match(String(await page.textContent('#sessions-note')), /^peak 1 /);
		await nextNumbers(page, at);
		assert.equal(await page.textContent('#status'), 'Live');
		assertNoProblems();
	});

	it('shows that the server is away, and continues when the server is back', async (test) => {
		const first = await start(test, { CLIENTS: '0', PORT: anyPort() });
		const { page, assertNoProblems, forgetProblems } = await open(test, first.url);
		await openSession(test, first.url, 'stays');
		await untilTile(page, 'sessions', '1');
		assert.equal(await page.textContent('#status'), 'Live');
		assertNoProblems();

		first.server.stop();
		assert.equal(await first.server.ended, 0, first.server.output);
		assert.match(first.server.output, /\nStopped\.\n$/);
		await page.waitForSelector('#status:text-is("Reconnecting")');
		assert.equal(await page.textContent('#sessions'), '1', 'the last numbers are not shown');
		assert.ok(await page.locator('main[data-stale]').count());

		const second = await start(test, { CLIENTS: '0', PORT: String(new URL(first.url).port) });
		assert.equal(second.url, first.url);
		await page.waitForSelector('#status:text-is("Live")');
		await untilTile(page, 'sessions', '0');
		assert.equal(await page.textContent('#sessions-note'), 'peak 0 in 2 min', 'numbers of the first server are left');
		assert.equal(await page.locator('main[data-stale]').count(), 0);
		// The browser reports the failed connections as errors.
		forgetProblems();
		const { at } = await nextNumbers(page, '');
		await nextNumbers(page, at);
		assertNoProblems();
	});

	for (const [name, viewport] of Object.entries({ desktop: DESKTOP, laptop: LAPTOP, phone: PHONE })) {
		for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
			it(`fits a ${name}'s screen in ${colorScheme} colors, and nothing moves`, async (test) => {
				const { url } = await start(test, { CLIENTS: '40' });
				const { page, assertNoProblems } = await open(test, url, { viewport, colorScheme });
				let { at } = await nextNumbers(page, '');
				for (let second = 0; second < 3; second++) ({ at } = await nextNumbers(page, at));

				assert.deepEqual(await movedIn(page), []);
				assert.deepEqual(await cutIn(page), []);
				const { width, height, lightness } = await page.evaluate(() => ({
					width: document.documentElement.scrollWidth,
					height: document.documentElement.scrollHeight,
					lightness: Number(getComputedStyle(document.body).backgroundColor.match(/\d+/)?.[0]),
				}));
				assert.equal(width, viewport.width);
				if (viewport !== PHONE) assert.equal(height, viewport.height, 'the page scrolls');
				assert.equal(lightness > 128 ? 'light' : 'dark', colorScheme);
				const contrasts = await page.evaluate(contrastsOf);
				assert.ok(contrasts.length > 20);
				assert.deepEqual(
					contrasts.filter(({ contrast }) => contrast < MINIMUM_CONTRAST),
					[],
				);
				assertNoProblems();
			});
		}

		it(`moves nothing on a ${name} when the event stream opens after the first paint`, async (test) => {
			const { url } = await start(test, { CLIENTS: '40' });
			const stream = holdEventStream();
			const { page, assertNoProblems } = await open(test, url, { viewport }, stream.prepare);
			await nextFrame(page);
			assert.equal(await page.textContent('#status'), 'Connecting');
			const dot = await page.locator('.dot').boundingBox();
			stream.release();
			await page.waitForSelector('#status:text-is("Live")');
			await nextNumbers(page, '');
			await nextFrame(page);
			assert.deepEqual(await page.locator('.dot').boundingBox(), dot);
			assert.deepEqual(await movedIn(page), []);
			assertNoProblems();
		});

		it(`cuts nothing on a ${name} when the numbers are large`, async (test) => {
			const { url } = await start(test, { CLIENTS: '99999' });
			const samples = fakeSamples({
				sessions: 999_999,
				messages: 999_999,
				bytes: 999_000_000_000,
				queuedBytes: 999_000_000,
				dropped: 999_999,
				closed: 999_999 / 8,
			});
			const { page } = await open(test, url, { viewport }, fakeEventStream(samples));
			await nextNumbers(page, '');
			assert.equal(await page.textContent('#sessions-note'), 'peak 999,999 in 2 min');
			assert.equal(await page.textContent('#bytes-note'), '999 GB since start');
			assert.deepEqual(await cutIn(page), []);
			assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), viewport.width);
		});
	}

	/**
	 * @param {import('node:test').TestContext} test
	 * @param {string} url
	 * @param {BrowserContextOptions} [options]
	 * @param {(page: Page) => Promise<unknown>} [prepare]
	 */
	async function open(test, url, options = { viewport: DESKTOP }, prepare) {
		const opened = await openPage(browser, url, options, prepare);
		test.after(opened.close);
		// As a string, so that functions that run in the page can call it.
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
	// For a test that fails before it stops the server.
	test.after(server.stop);
	const [url] = await server.until(/http:\S+/);
	return { server, url };
}

/** Returns a port below those of outgoing connections, so that it is free when the server starts again. */
function anyPort() {
	return String(10_000 + Math.floor(Math.random() * 20_000));
}

/** Delays the page's requests for the event stream until the test releases them. */
function holdEventStream() {
	const events = new EventEmitter();
	const released = once(events, 'release');
	return {
		/** @param {Page} page */
		prepare: (page) =>
			page.route('**/numbers', async (route) => {
				await released;
				await route.continue();
			}),
		release: () => events.emit('release'),
	};
}

/**
 * Answers the page's requests for the event stream with these samples, and closes the stream.
 *
 * @param {Sample[]} samples
 */
function fakeEventStream(samples) {
	// The delay keeps the page from connecting again during the test.
	const body = `retry: 1000000\nevent: history\ndata: ${JSON.stringify(samples)}\n\n`;
	return (/** @type {Page} */ page) =>
		page.route('**/numbers', (route) => route.fulfill({ contentType: 'text/event-stream', body }));
}

/**
 * Returns ten samples in which the numbers rise from 0 to these.
 *
 * @param {object} last
 * @param {number} [last.sessions]
 * @param {number} [last.messages]
 * @param {number} [last.bytes]
 * @param {number} [last.queuedBytes]
 * @param {number} [last.dropped]
 * @param {number} [last.closed] for each reason
 * @returns {Sample[]}
 */
function fakeSamples({ sessions = 0, messages = 0, bytes = 0, queuedBytes = 0, dropped = 0, closed = 0 }) {
	const now = Date.now();
	return Array.from({ length: 10 }, (_, index) => {
		const share = (/** @type {number} */ number) => Math.floor((number * index) / 9);
		const reasons = ['deleted', 'gone', 'replaced', 'expired', 'shutdown', ...FAILURES];
		return {
			at: now + (index - 9) * 1_000,
			sessions: share(sessions),
			messages: share(messages),
			bytes: share(bytes),
			queuedBytes: share(queuedBytes),
			mailboxBytes: 0,
			dropped: share(dropped),
			closed: /** @type {any} */ (Object.fromEntries(reasons.map((reason) => [reason, share(closed)]))),
		};
	});
}

/**
 * Opens the stream of an MCP session, and holds it until the test ends: Node.js disconnects a response of `fetch` that is
 * garbage collected.
 *
 * @param {import('node:test').TestContext} test
 * @param {string} url
 * @param {string} id
 * @param {AbortSignal} [signal]
 */
async function openSession(test, url, id, signal) {
	const response = await fetch(`${url}mcp`, { headers: { 'mcp-session-id': id }, ...(signal && { signal }) });
	test.after(() => response.body?.cancel().catch(() => {}));
	return response;
}

/**
 * Receives the same numbers as the page.
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
		 * Resolves to all samples up to the one of this time.
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
 * Resolves to the texts of the page as soon as its numbers are of another time than `at`.
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
 * Returns the texts that the page must show.
 *
 * @param {Sample[]} samples all samples that the page has received
 */
function expected(samples) {
	const [previous, sample] = samples.length > 1 ? samples.slice(-2) : [samples[0], samples[0]];
	const seconds = (sample.at - previous.at) / 1_000 || 1;
	const { sessions, messages, bytes: sent, queuedBytes, dropped, closed } = sample;
	const peak = Math.max(...samples.map(({ sessions }) => sessions));
	return {
		at: String(sample.at),
		tiles: {
			sessions: count(sessions),
			'sessions-note': `peak ${count(peak)} in 2 min`,
			messages: rate((messages - previous.messages) / seconds),
			'messages-note': `${count(messages)} since start`,
			bytes: bytes(Math.round((sent - previous.bytes) / seconds)),
			'bytes-note': `${bytes(sent)} since start`,
			queued: bytes(queuedBytes),
			dropped: count(dropped),
			closed: count(sum(Object.values(closed))),
			'closed-note': `${count(sum(FAILURES.map((reason) => closed[reason])))} with an error`,
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
 * Returns the line that says where the sessions come from.
 *
 * @param {Page} page
 */
async function sourceIn(page) {
	return String(await page.textContent('.source:visible'))
		.replace(/\s+/g, ' ')
		.trim();
}

/**
 * Returns the visible texts that are wider than their element or reach out of their card.
 *
 * @param {Page} page
 * @returns {Promise<string[]>}
 */
function cutIn(page) {
	return page.evaluate(() =>
		[...document.querySelectorAll('h1, h2, p, small, code, dt, dd')]
			.filter((element) => {
				if (!element.textContent || element.getClientRects().length === 0) return false;
				const text = document.createRange();
				text.selectNodeContents(element);
				const card = element.closest('.tile, .card, .source, header') ?? document.body;
				const { paddingLeft, paddingRight } = getComputedStyle(card);
				const { left, right } = card.getBoundingClientRect();
				const { left: from, right: to } = text.getBoundingClientRect();
				// Inline elements have no width of their own.
				const isCut = element.clientWidth > 0 && element.scrollWidth > element.clientWidth;
				const isInside = from >= left + Number.parseFloat(paddingLeft) && to <= right - Number.parseFloat(paddingRight);
				return isCut || !isInside;
			})
			.map(({ textContent }) => String(textContent)),
	);
}

/** Returns the contrast of each text in the page with its background, as WCAG defines it. Runs in the page. */
function contrastsOf() {
	return [...document.querySelectorAll('h1, h2, p, small, strong, code, dt, dd')]
		.filter((element) => element.textContent?.trim() && element.getClientRects().length > 0)
		.map((element) => {
			/** @type {Element | null} */
			let behind = element;
			while (behind && getComputedStyle(behind).backgroundColor === 'rgba(0, 0, 0, 0)') behind = behind.parentElement;
			const colors = [getComputedStyle(element).color, getComputedStyle(behind ?? document.body).backgroundColor];
			const [lighter, darker] = colors.map(luminance).sort((a, b) => b - a);
			return { text: element.textContent, contrast: (lighter + 0.05) / (darker + 0.05) };
		});

	/** @param {string} color as `rgb(0, 0, 0)` */
	function luminance(color) {
		const [red, green, blue] = (color.match(/\d+/g) ?? []).map((value) => {
			const share = Number(value) / 255;
			return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
		});
		return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
	}
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
 * Returns all pixels of a chart. Runs in the page.
 *
 * @param {string} chart
 */
function pictureOf(chart) {
	return /** @type {HTMLCanvasElement} */ (document.querySelector(`#${chart}-chart canvas`)).toDataURL();
}
