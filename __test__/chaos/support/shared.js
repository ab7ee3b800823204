// What the servers, the clients and the checks of the chaos run share.

import { noteUri } from '../../e2e/support/notes-server.js';

/** The logger of the numbered messages. Their data are `{ from, number, at }`. */
export const NUMBERED = 'numbered';

/** Time for the clients to read what was sent, when a server stops, in milliseconds. */
export const DRAIN_MS = 2_000;

/** The resources of each server. */
export const NOTES = [0, 1, 2, 3].map(noteUri);
