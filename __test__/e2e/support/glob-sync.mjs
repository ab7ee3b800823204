// Load this with `node --import`. @modelcontextprotocol/conformance 0.1.16 imports `globSync` from 'fs', which exists since Node 22,
// and does not start on Node 20. Only its `tier-check` command needs the function; its scenarios do not.

import * as fs from 'node:fs';
import { register } from 'node:module';

const url = (/** @type {string} */ source) => `data:text/javascript,${encodeURIComponent(source)}`;

const replacement = url(`
	export * from 'node:fs';
	export function globSync() { throw new Error('There is no fs.globSync in Node 20'); }
`);
const hooks = url(`
	export function resolve(id, context, next) {
		const wanted = id === 'fs' && context.parentURL?.includes('/@modelcontextprotocol/conformance/');
		return wanted ? { url: ${JSON.stringify(replacement)}, shortCircuit: true } : next(id, context);
	}
`);

if (!('globSync' in fs)) register(hooks);
