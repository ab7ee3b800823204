// The files that the page consists of. All of them are here: it asks no other server for anything.

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
 * @param {string} path
 * @param {import('node:http').ServerResponse} response
 */
export async function answerWithFile(path, response) {
	const file = Object.hasOwn(FILES, path) ? FILES[path] : undefined;
	if (file === undefined) {
		response.writeHead(404, { 'content-type': 'text/plain' }).end('Not found\n');
		return;
	}
	// Each time anew, so that a change is there when the page is reloaded.
	const content = await readFile(file);
	response.writeHead(200, { ...HEADERS, 'content-type': `${TYPES[extname(String(file))]}; charset=utf-8` });
	response.end(content);
}
