// A package registry with our packages, for ways to install them that need a registry.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { basename } from 'node:path';

/** @param {...string} tarballs tarballs of our scope, one for each package */
export async function openRegistry(...tarballs) {
	const packages = new Map(tarballs.map((tarball) => [manifestOf(tarball).name, tarball]));
	const server = createServer((request, response) => {
		const path = decodeURIComponent(request.url ?? '').slice(1);
		const [name, file] = path.split('/-/');
		const tarball = packages.get(name);
		if (tarball === undefined) return void response.writeHead(404).end('{}');
		const bytes = readFileSync(tarball);
		if (file !== undefined) return void response.end(bytes);
		const manifest = manifestOf(tarball);
		const { version } = manifest;
		const integrity = `sha512-${createHash('sha512').update(bytes).digest('base64')}`;
		const shasum = createHash('sha1').update(bytes).digest('hex');
		const dist = { integrity, shasum, tarball: `${address()}/${name}/-/${basename(tarball)}` };
		const versions = { [version]: { ...manifest, dist } };
		// An old date, because yarn 4 and pnpm refuse packages published in the last day by default.
		const time = { [version]: '2020-01-01T00:00:00.000Z' };
		const document = { name, 'dist-tags': { latest: version }, versions, time };
		response.setHeader('content-type', 'application/json').end(JSON.stringify(document));
	});
	const address = () => `http://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (server.address()).port}`;
	await once(server.listen(0, '127.0.0.1'), 'listening');
	return {
		address: address(),
		close: () => server.close().closeAllConnections(),
	};
}

/**
 * @param {string} tarball
 * @returns {{ name: string, version: string } & Record<string, any>}
 */
export function manifestOf(tarball) {
	return JSON.parse(execFileSync('tar', ['-xOzf', tarball, 'package/package.json'], { encoding: 'utf8' }));
}
