// Copies of this package, one for each implementation. With a shared copy, V8 would optimize the code for all of them
// together, and one would pay for the options of another. A server has one kind of manager.

import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const PARTS = ['lib', 'native', 'package.json'];

/**
 * Makes a copy for each name, and removes the copies when `use` has ended.
 *
 * @template {string} Name
 * @template Result
 * @param {readonly Name[]} names
 * @param {(folders: Record<Name, string>) => Promise<Result>} use
 */
export async function withCopies(names, use) {
	const parent = mkdtempSync(join(tmpdir(), 'session-manager-bench-'));
	try {
		const folders = names.map((name) => {
			const folder = join(parent, name);
			for (const part of PARTS) cpSync(join(root, part), join(folder, part), { recursive: true });
			return [name, folder];
		});
		return await use(Object.fromEntries(folders));
	} finally {
		rmSync(parent, { recursive: true, force: true });
	}
}
