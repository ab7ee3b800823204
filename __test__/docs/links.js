// Checks links without a network: relative ones against the files and anchors of the checkout, others by their form.

import { BlockList, isIP } from 'node:net';
import { posix } from 'node:path';

/** @import { Document } from './markdown.js' */

/**
 * @typedef {object} Checkout
 * @property {ReadonlySet<string>} files paths of all tracked files
 * @property {(path: string) => Document} read
 */

const PROTOCOLS = ['https:', 'http:', 'mailto:'];

/** A line of a source file, or a range of lines, as GitHub writes them. */
const LINES = /^L(\d+)(?:-L(\d+))?$/;

/** Addresses that a link may use without TLS: they are of this machine, or of a private network. */
const privateAddresses = new BlockList();
privateAddresses.addSubnet('127.0.0.0', 8);
privateAddresses.addSubnet('10.0.0.0', 8);
privateAddresses.addSubnet('172.16.0.0', 12);
privateAddresses.addSubnet('192.168.0.0', 16);
privateAddresses.addAddress('::1', 'ipv6');
/** Last labels of names that a link may use without TLS. */
const PRIVATE_NAMES = ['localhost', 'local', 'internal', 'test', 'invalid'];

/**
 * Returns one line for each link of a document that is wrong.
 *
 * @param {Document} document
 * @param {Checkout} checkout
 */
export function brokenLinks(document, checkout) {
	return document.links
		.map(({ text, line }) => [`${document.path}:${line} ${text}`, problemWith(text, document, checkout)])
		.filter(([, problem]) => problem !== undefined)
		.map(([place, problem]) => `${place}: ${problem}`);
}

/**
 * Returns the paths of all documents that links lead to from a document, itself included.
 *
 * @param {Document} start
 * @param {Checkout} checkout
 */
export function reachableFrom(start, { files, read }) {
	const reached = new Set([start.path]);
	// A set yields what is added to it during the loop.
	for (const path of reached) {
		for (const { text } of read(path).links) {
			const target = isAbsolute(text) ? undefined : resolve(path, text).path;
			if (target?.endsWith('.md') && files.has(target)) reached.add(target);
		}
	}
	return reached;
}

/**
 * @param {string} target
 * @param {Document} document
 * @param {Checkout} checkout
 * @returns {string | undefined}
 */
function problemWith(target, document, checkout) {
	if (isAbsolute(target)) return problemWithUrl(target);
	const { path, fragment } = resolve(document.path, target);
	const isFolder = [...checkout.files].some((file) => file.startsWith(`${path.replace(/\/$/, '')}/`));
	const isRoot = path === '.' || path === './';
	if (!checkout.files.has(path) && !isFolder && !isRoot) return `there is no tracked file ${path}`;
	if (fragment === undefined) return undefined;
	if (isFolder || isRoot) return 'a folder has no anchors';
	const linked = checkout.read(path);
	if (path.endsWith('.md')) return linked.anchors.has(fragment) ? undefined : `${path} has no anchor #${fragment}`;
	const lines = LINES.exec(fragment);
	if (lines === null) return `${path} is not a Markdown document, and has no anchor #${fragment}`;
	const last = Number(lines[2] ?? lines[1]);
	return last < linked.text.split('\n').length ? undefined : `${path} has no line ${last}`;
}

/** @param {string} url */
function problemWithUrl(url) {
	if (!URL.canParse(url)) return 'is not a URL';
	const { protocol, hostname } = new URL(url);
	if (!PROTOCOLS.includes(protocol)) return `${protocol} is none of ${PROTOCOLS.join(' ')}`;
	if (protocol === 'http:' && !isPrivate(hostname)) return 'the link to a public host has to use https:';
	return undefined;
}

/** @param {string} hostname */
function isPrivate(hostname) {
	const address = hostname.replace(/^\[(.*)\]$/, '$1');
	const family = isIP(address);
	if (family !== 0) return privateAddresses.check(address, family === 6 ? 'ipv6' : 'ipv4');
	return PRIVATE_NAMES.includes(hostname.slice(hostname.lastIndexOf('.') + 1));
}

/** @param {string} target */
function isAbsolute(target) {
	return /^([a-z][a-z0-9+.-]*:|\/\/)/i.test(target);
}

/**
 * @param {string} from path of the document
 * @param {string} target
 */
function resolve(from, target) {
	const [path, fragment] = target.split('#', 2);
	const file = path === '' ? from : posix.join(posix.dirname(from), decodeURIComponent(path));
	return { path: file, fragment: fragment && decodeURIComponent(fragment) };
}
