// Serves the files of the page. The page requests nothing from other servers.

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { extname } from 'node:path';

const { resolve } = createRequire(import.meta.url);

/** @type {Record<string, string | URL>} */
const FILES = {
	'/': new URL('page/index.html', import.meta.url),
	'/dashboard.css': new URL('page/dashboard.css', import.meta.url),
	'/dashboard.js': new URL('page/dashboard.js', import.meta.url),
	'/chart.js': new URL('page/chart.js', import.meta.url),
	'/format.js': new URL('page/format.js', import.meta.url),
	'/history.js': new URL('page/history.js', import.meta.url),
	'/uplot.js': resolve('uplot/dist/uPlot.esm.js'),
	'/uplot.css': resolve('uplot/dist/uPlot.min.css'),
};
/** @type {Record<string, string>} */
const TYPES = { '.html': 'text/html', '.css': 'text/css', '.js': 'text/javascript' };
const HEADERS = {
	'cache-control': 'no-cache',
	'content-security-policy':
		"default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:",
	'x-content-type-options': 'nosniff',
};

/**
 * Responds with a file of the page, or with 404.
 *
 * @param {string} path
 * @param {Record<string, string | number>} values replace the names in double braces in index.html
 */
export async function respondWithFile(path, values) {
	const file = Object.hasOwn(FILES, path) ? FILES[path] : undefined;
	if (file === undefined) return new Response('Not found\n', { status: 404 });
	// Read for each request: after an edit, a reload of the page is enough.
	const content = await readFile(file, 'utf8');
	const type = TYPES[extname(String(file))];
	const body = type === 'text/html' ? content.replace(/\{\{(\w+)\}\}/g, (_, name) => String(values[name])) : content;
	return new Response(body, { headers: { ...HEADERS, 'content-type': `${type}; charset=utf-8` } });
}
