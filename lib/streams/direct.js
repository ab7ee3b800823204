// Where native delivery joins in. The entry point `/node` sets the hook; without it, a session costs one check of a variable.

/** @import { LocalStreams } from './local-streams.js' */
/** @import { Session } from './session.js' */
/** @import { Streams } from './streams.js' */

/**
 * Watches a new session, which becomes direct when its response is proven to reach the socket unchanged.
 *
 * @callback Adopt
 * @param {Session} session registered, with a key
 * @param {Streams} streams the sessions of its hub
 * @returns {void}
 */

/** @type {{ adopt: Adopt | undefined }} */
export const nativeDelivery = { adopt: undefined };
