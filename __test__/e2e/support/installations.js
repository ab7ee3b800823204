// Two installations of tmcp 1.20 and its transports: one with upstream's `@tmcp/session-manager`, one with ours in its place by
// npm's `overrides`. `npm run test:e2e` installs both.

import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** @typedef {Awaited<ReturnType<typeof load>>} Installation */

export const upstreams = await load('upstreams');
export const ours = await load('ours');

/** @param {'upstreams' | 'ours'} name also the name of the folder */
async function load(name) {
	const { resolve } = createRequire(new URL(`../${name}/`, import.meta.url));
	const places = ['tmcp', '@tmcp/transport-http', '@tmcp/transport-sse'].map((id) => pathToFileURL(resolve(id)).href);
	const [{ McpServer }, { HttpTransport }, { SseTransport }] = await Promise.all(places.map((place) => import(place)));
	return { name, places, McpServer, HttpTransport, SseTransport };
}

/**
 * Returns the package that a module imports as `@tmcp/session-manager`.
 *
 * @param {string} place the URL of the module
 * @returns {string} name and version
 */
export function sessionManagerOf(place) {
	const id = '@tmcp/session-manager';
	const paths = createRequire(place).resolve.paths(id) ?? [];
	const manifest = paths.map((path) => join(path, id, 'package.json')).find((path) => existsSync(path));
	if (manifest === undefined) return 'none';
	const { name, version } = JSON.parse(readFileSync(manifest, 'utf8'));
	return `${name} ${version}`;
}
