// A package registry that knows one package, ours: for the forms of installing it that need one.

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';

/**
 * @param {string} tarball
 * @param {{ name: string, version: string }} manifest
 */
export async function openRegistry(tarball, { name, version }) {
	const bytes = readFileSync(tarball);
	const integrity = `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
	const server = createServer((request, response) => {
		if (request.url?.endsWith('.tgz')) return void response.end(bytes);
		const dist = { integrity, tarball: `${address()}${name}/-/session-manager-${version}.tgz` };
		const document = { name, 'dist-tags': { latest: version }, versions: { [version]: { name, version, dist } } };
		response.setHeader('content-type', 'application/json').end(JSON.stringify(document));
	});
	const address = () => `http://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (server.address()).port}/`;
	await once(server.listen(0, '127.0.0.1'), 'listening');
	return {
		/** @param {string} folder whose npm is to ask this registry for the packages of our scope */
		use: (folder) => writeFileSync(join(folder, '.npmrc'), `${name.split('/')[0]}:registry=${address()}\n`),
		close: () => server.close().closeAllConnections(),
	};
}
