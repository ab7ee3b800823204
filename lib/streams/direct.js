// Direct sessions: those whose messages Rust writes to the socket of the client (native delivery). All other sessions are
// ordinary, and their messages go through their streams. `lib/sockets/` makes sessions direct; this file says what it has to
// know and to provide. A direct session stays direct until it ends.

/** @import { Session } from './session.js' */
/** @import { Streams } from './streams.js' */

/**
 * The socket of a direct session.
 *
 * @typedef {object} SessionSocket
 * @property {number} queuedBytes bytes that the operating system has not taken; `Infinity` when that is not known yet
 * @property {boolean} isDrained true when the operating system has taken everything that was sent to the session
 * @property {(chunk: Uint8Array<ArrayBuffer>) => void} deliverEarlier
 *   Enqueues a message in the stream that comes before those that Rust holds, while the session is catching up.
 * @property {() => void} caughtUp Called after the last one of these messages.
 * @property {() => void} missed
 *   Called when one of these messages is lost, or refused by the stream: drops those that Rust holds.
 * @property {(error: Error) => void} abort
 *   Drops what the operating system has not taken, and closes the connection. Called when the manager ends the session with
 *   an error; the stream is ended with the same error afterwards.
 */

/**
 * What the entry point for Node.js sets when native delivery is used.
 *
 * @type {{ adopt: ((session: Session, streams: Streams) => void) | undefined }}
 *   `adopt` is called in `create` with each new session, when it is registered.
 */
export const nativeDelivery = { adopt: undefined };
