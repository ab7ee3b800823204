// Copies of this package, one for each side. In one and the same, V8 would compile what all sides go through for all of them,
// and a side would pay for what the others were told. A server has one kind of manager.

import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * @template {string} Name
 * @template Result
 * @param {readonly Name[]} names
 * @param {(folders: Record<Name, string>) => Promise<Result>} use the copies are there until it is done
 */
export async function withCopies(names, use) {
	const folder = mkdtempSync(join(tmpdir(), 'session-manager-bench-'));
	try {
		const folders = names.map((name) => {
			const copy = join(folder, name);
			for (const part of ['lib', 'native', 'package.json'])
				cpSync(join(root, part), join(copy, part), { recursive: true });
			return [name, copy];
		});
		return await use(Object.fromEntries(folders));
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}
