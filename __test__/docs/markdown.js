// Parses a Markdown document as GitHub does: its code blocks, its links, and the anchors that links can point to.

import GithubSlugger from 'github-slugger';
import { fromMarkdown } from 'mdast-util-from-markdown';
import { gfmFromMarkdown } from 'mdast-util-gfm';
import { toString as textOf } from 'mdast-util-to-string';
import { gfm } from 'micromark-extension-gfm';
import { parseFragment } from 'parse5';
import { visit } from 'unist-util-visit';

/**
 * A fenced or indented code block.
 *
 * @typedef {object} CodeBlock
 * @property {string} language `''` for none
 * @property {string} code
 * @property {number} line of the opening fence
 * @property {string | undefined} comment text of the HTML comment directly above
 * @property {CodeBlock | undefined} next the code block that follows in the same section or list item
 */

/**
 * The target of a link or an image, or the text of a comment or of inline code.
 *
 * @typedef {{ text: string, line: number }} Passage
 */

/** Attributes of HTML elements that hold a URL. */
const URL_ATTRIBUTES = ['href', 'src'];
/** Attributes of HTML elements that a link can point to. */
const ANCHOR_ATTRIBUTES = ['id', 'name'];

export class Document {
	/** @type {CodeBlock[]} */
	blocks = [];
	/** Targets of links and images, those in HTML included. @type {Passage[]} */
	links = [];
	/** Fragments that a link to this document can end with. @type {Set<string>} */
	anchors = new Set();
	/** HTML comments that do not stand directly above a code block. @type {Passage[]} */
	comments = [];
	/** @type {Passage[]} */
	inlineCode = [];

	/**
	 * @param {string} path relative to the root of the checkout
	 * @param {string} text
	 */
	constructor(path, text) {
		this.path = path;
		this.text = text;
		const slugger = new GithubSlugger();
		const tree = fromMarkdown(text, { extensions: [gfm()], mdastExtensions: [gfmFromMarkdown()] });
		visit(tree, (node) => {
			const line = lineOf(node);
			if ('children' in node) this.#readSiblings(node.children);
			if ('url' in node) this.links.push({ text: node.url, line });
			if (node.type === 'html') this.#readHtml(node.value, line);
			if (node.type === 'inlineCode') this.inlineCode.push({ text: node.value, line });
			if (node.type === 'heading') {
				this.anchors.add(slugger.slug(textOf(node, { includeHtml: false, includeImageAlt: false })));
			}
		});
	}

	/** @param {import('mdast').RootContent[]} siblings */
	#readSiblings(siblings) {
		/** @type {CodeBlock | undefined} */
		let previous;
		for (const [index, node] of siblings.entries()) {
			const comment = commentIn(node);
			if (comment !== undefined && siblings[index + 1]?.type !== 'code') {
				this.comments.push({ text: comment, line: lineOf(node) });
			}
			if (node.type !== 'code') continue;
			/** @type {CodeBlock} */
			const block = {
				language: node.lang ?? '',
				code: node.value,
				line: lineOf(node),
				comment: commentIn(siblings[index - 1]),
				next: undefined,
			};
			if (previous !== undefined) previous.next = block;
			previous = block;
			this.blocks.push(block);
		}
	}

	/**
	 * @param {string} html a block of HTML, or one tag between other text
	 * @param {number} line
	 */
	#readHtml(html, line) {
		for (const { name, value } of attributesIn(parseFragment(html))) {
			if (URL_ATTRIBUTES.includes(name)) this.links.push({ text: value, line });
			if (ANCHOR_ATTRIBUTES.includes(name)) this.anchors.add(value);
			// Candidates are separated by commas; each is a URL and, after a space, a width or a density.
			if (name !== 'srcset') continue;
			for (const candidate of value.split(',')) this.links.push({ text: candidate.trim().split(' ')[0], line });
		}
	}
}

/**
 * @param {any} element of parse5
 * @returns {Iterable<{ name: string, value: string }>}
 */
function* attributesIn({ attrs = [], childNodes = [] }) {
	yield* attrs;
	for (const child of childNodes) yield* attributesIn(child);
}

/**
 * Returns the text of a comment, or undefined when the node is not exactly one comment.
 *
 * @param {import('mdast').RootContent | undefined} node
 */
function commentIn(node) {
	if (node?.type !== 'html') return undefined;
	const { childNodes } = parseFragment(node.value.trim());
	const [only] = childNodes;
	return childNodes.length === 1 && only.nodeName === '#comment' && 'data' in only ? only.data.trim() : undefined;
}

/** @param {import('mdast').Node} node */
function lineOf(node) {
	return node.position?.start.line ?? 0;
}
