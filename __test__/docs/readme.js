// The rules for README.md as a page to begin with.

/** @import { Document } from './markdown.js' */

const MIN_LINES = 150;
const MAX_LINES = 200;

/** A visitor who wants to see it work finds these without scrolling. */
const FIRST_COMMANDS = ['npm run demo', 'npm test'];
const FIRST_LINES = 25;

/**
 * Returns one line for each rule that the README does not keep.
 *
 * @param {Document} readme
 */
export function readmeProblems({ path, text }) {
	const lines = text.split('\n').length - 1;
	const problems = [];
	if (lines < MIN_LINES || lines > MAX_LINES) {
		problems.push(`${path} has ${lines} lines, and not ${MIN_LINES} to ${MAX_LINES}`);
	}
	const first = text.split('\n').slice(0, FIRST_LINES).join('\n');
	for (const command of FIRST_COMMANDS) {
		if (!first.includes(command))
			problems.push(`${path} does not name \`${command}\` in its first ${FIRST_LINES} lines`);
	}
	return problems;
}
