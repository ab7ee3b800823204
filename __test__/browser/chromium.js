// The browser that the tests open pages in: the Chromium of the system, /usr/bin/chromium, or what CHROMIUM names.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';

import { chromium } from 'playwright-core';

/** @import { BrowserContextOptions, Page } from 'playwright-core' */

const BINARY = process.env.CHROMIUM || '/usr/bin/chromium';
const IS_THERE = spawnSync(BINARY, ['--version']).status === 0;
const MISSING = `there is no ${BINARY}: apt-get install chromium, or name the binary of a Chromium, CHROMIUM=/path/to/it`;

/** So that it runs in a container, and asks nobody for anything by itself. */
const ARGS = [
	'--no-sandbox',
	'--disable-gpu',
	'--disable-quic',
	'--no-first-run',
	'--disable-background-networking',
	'--disable-component-update',
	'--disable-sync',
];

/**
 * Tests that need the browser. Where there is none they are skipped, with a line that says how to get one; with CI=true that
 * is no reason, and {@link launchChromium} fails.
 *
 * @param {string} name
 * @param {() => void} tests
 */
export function describeWithChromium(name, tests) {
	if (IS_THERE || process.env.CI === 'true') describe(name, tests);
	else test(name, { skip: MISSING }, () => {});
}

/** Starts one, without a window. Whoever does closes it: `after(() => browser?.close())`. */
export async function launchChromium() {
	if (!IS_THERE) throw new Error(MISSING);
	return await chromium.launch({ executablePath: BINARY, args: ARGS });
}

/**
 * Opens a page in a profile of its own, and notes what it should not do.
 *
 * @param {import('playwright-core').Browser} browser
 * @param {string} url
 * @param {BrowserContextOptions} [options]
 */
export async function openPage(browser, url, options) {
	const context = await browser.newContext(options);
	const page = await context.newPage();
	/** @type {string[]} */
	const problems = [];
	page.on('console', (message) => {
		if (['error', 'warning'].includes(message.type())) problems.push(`console: ${message.text()}`);
	});
	page.on('pageerror', (error) => problems.push(`thrown: ${error.stack}`));
	page.on('request', (request) => {
		const { protocol, origin } = new URL(request.url());
		if (protocol !== 'data:' && origin !== new URL(url).origin) problems.push(`asked elsewhere: ${request.url()}`);
	});
	page.on('response', (response) => {
		if (response.status() >= 400) problems.push(`${response.status()}: ${response.url()}`);
	});
	await page.addInitScript(watchLayout);
	await page.goto(url);
	return {
		page,
		/** Fails if it has done one of these since it was opened or asked this. */
		assertNoProblems: () => assert.deepEqual(problems.splice(0), []),
		/** What cannot be helped was done. */
		forgetProblems: () => problems.splice(0),
		close: () => context.close(),
	};
}

/** Notes what moves without being asked to; not text that grows to the left, where it is to. It runs in the page. */
function watchLayout() {
	/** @type {string[]} */
	const moved = [];
	Object.assign(globalThis, { moved });
	new PerformanceObserver((list) => {
		for (const entry of /** @type {any[]} */ (list.getEntries())) {
			for (const { node } of entry.sources) {
				// It was replaced since.
				if (!node) continue;
				const isRightAligned = node.nodeName === '#text' && getComputedStyle(node.parentElement).textAlign === 'right';
				if (!isRightAligned) moved.push(node.id || node.className || node.textContent);
			}
		}
	}).observe({ type: 'layout-shift', buffered: true });
}

/**
 * @param {Page} page
 * @returns {Promise<string[]>} what has moved in it by itself
 */
export function movedIn(page) {
	return page.evaluate(() => /** @type {any} */ (globalThis).moved);
}
