// A registry with packages of our scope: Verdaccio, on a free port of this machine.

import { once } from 'node:events';
import { mkdtempSync, readdirSync, writeFileSync } from 'node:fs';
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
	// By default, the server closes idle connections after 5 s. npm may be about to use one of them again. It then repeats the
	// request, and a package that is published twice can lose its tarball.
	server.keepAliveTimeout = 0;
	await once(server.listen(0, '127.0.0.1'), 'listening');
	const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
	const address = `http://127.0.0.1:${port}`;
	return {
		address,

		/**
		 * Publishes the packages of a release with npm.
		 *
		 * @param {string} release folder with one folder for each package
		 */
		async publish(release) {
			writeFileSync(join(release, 'package.json'), JSON.stringify({ private: true, workspaces: ['*-*', 'main'] }));
			// npm does not publish without a token. Any token will do here.
			writeFileSync(join(release, '.npmrc'), `${npmrc(address)}//127.0.0.1:${port}/:_authToken=any\n`);
			const publish = (/** @type {string[]} */ ...which) =>
				npm(release, 'publish', ...which, '--access', 'public', '--tag', 'latest');
			try {
				await publish('--workspaces');
			} catch (error) {
				if (!isConflict(error)) throw error;
				// npm repeats a request whose connection breaks. The registry was empty, so it has got the package the first time.
				for (const { name } of readdirSync(release, { withFileTypes: true }).filter(isFolder)) {
					await publish('--workspace', name).catch((conflict) => {
						if (!isConflict(conflict)) throw conflict;
					});
				}
			}
		},

		close: () => server.close().closeAllConnections(),
	};
}

/** @param {unknown} error of npm */
const isConflict = (error) => String(error).includes('cannot publish over the previously published versions');

/** @param {import('node:fs').Dirent} entry */
const isFolder = (entry) => entry.isDirectory() && entry.name !== 'node_modules';

/** @param {string} registry address of the registry of our scope */
export const npmrc = (registry) => `@tmcp-native:registry=${registry}/\n`;
