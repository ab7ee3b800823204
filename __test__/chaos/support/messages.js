// What the servers of the chaos run send, and their clients receive.

import { noteUri } from '../../e2e/support/notes-server.js';

/** The logger of the numbered messages. Their data are `{ from, number, at }`. */
export const NUMBERED = 'numbered';

/** The resources of each server. */
export const NOTES = [0, 1, 2, 3].map(noteUri);
