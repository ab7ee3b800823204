// Installs our package and upstream's in one folder, by their own names, to pass their managers to the transports.

import { load, npm, project } from './projects.js';
import { dependencies } from './transports.js';

/** @param {string} tarball */
export async function installBoth(tarball) {
	const managers = { '@tmcp-native/session-manager': 'file:./ours.tgz', '@tmcp/session-manager': '0.3.0' };
	const folder = project('both', { dependencies: { ...dependencies, ...managers } }, tarball);
	await npm(folder, 'install');
	const { Ours, Upstreams } = await load(
		folder,
		`export { InMemoryStreamSessionManager as Ours } from '@tmcp-native/session-manager';
		export { InMemoryStreamSessionManager as Upstreams } from '@tmcp/session-manager';`,
	);
	return { folder, Ours, Upstreams };
}
