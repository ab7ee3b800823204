// A registry with packages of our scope: Verdaccio, on a free port of this machine.

import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { npm, temporary } from './projects.js';

const { runServer } = createRequire(import.meta.url)('verdaccio');

/** Opens an empty registry. It has packages of our scope only: package managers get all others from their usual registry. */
export async function openRegistry() {
	const folder = mkdtempSync(join(temporary, 'registry-'));
	/** @type {import('node:http').Server} */
	const server = await runServer({
		self_path: folder,
		storage: join(folder, 'storage'),
		uplinks: {},
		auth: {},
		packages: { '@tmcp-native/*': { access: '$all', publish: '$all' } },
		log: { type: 'stdout', format: 'pretty', level: 'fatal' },
	});
	await once(server.listen(0, '127.0.0.1'), 'listening');
	const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
	const address = `http://127.0.0.1:${port}`;
	return {
		address,

		/**
		 * Publishes the packages of a release with npm. Returns false when one of them is not there afterwards. When the registry
		 * fails to store a package, npm repeats the request, the registry has a part of the package already, and loses it.
		 *
		 * @param {string} release folder with one folder for each package
		 */
		async publish(release) {
			writeFileSync(join(release, 'package.json'), JSON.stringify({ private: true, workspaces: ['*-*', 'main'] }));
			// npm does not publish without a token. Any token will do here.
			writeFileSync(join(release, '.npmrc'), `${npmrc(address)}//127.0.0.1:${port}/:_authToken=any\n`);
			try {
				await npm(release, 'publish', '--workspaces', '--access', 'public', '--tag', 'latest');
			} catch (error) {
				if (!String(error).includes('cannot publish over the previously published versions')) throw error;
				return false;
			}
			const folders = readdirSync(release, { withFileTypes: true }).filter(isFolder);
			const names = folders.map(
				(folder) => JSON.parse(readFileSync(join(release, folder.name, 'package.json'), 'utf8')).name,
			);
			const found = await Promise.all(names.map((name) => hasTarball(`${address}/${encodeURIComponent(name)}`)));
			return found.every(Boolean);
		},

		close: () => server.close().closeAllConnections(),
	};
}

/**
 * Returns true when the tarballs of all versions of a package can be downloaded.
 *
 * @param {string} address of the package
 */
async function hasTarball(address) {
	const described = await fetch(address);
	if (!described.ok) return false;
	const { versions } = await described.json();
	const tarballs = Object.values(versions).map(async ({ dist }) => {
		const response = await fetch(dist.tarball);
		await response.arrayBuffer();
		return response.ok;
	});
	return (await Promise.all(tarballs)).every(Boolean);
}

/** @param {import('node:fs').Dirent} entry */
const isFolder = (entry) => entry.isDirectory() && entry.name !== 'node_modules';

/** @param {string} registry address of the registry of our scope */
export const npmrc = (registry) => `@tmcp-native:registry=${registry}/\n`;
