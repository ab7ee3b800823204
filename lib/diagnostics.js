// The channels of `node:diagnostics_channel` that this package publishes to. Publishers check `hasSubscribers` first, so
// that a channel without subscribers costs nothing.

import { channel } from '#platform';

/** A session was registered: `{ id, key }`. */
export const sessionCreated = channel('tmcp-native:session:created');
/** A session ended: `{ id, key, reason, durationMs }`. */
export const sessionClosed = channel('tmcp-native:session:closed');
/** A session was refused because of `maxSessions`: `{ id, error }`. */
export const sessionRefused = channel('tmcp-native:session:refused');
/** A message was dropped for a slow client: `{ id, key, bytes }`. */
export const messageDropped = channel('tmcp-native:message:dropped');
/** A session stays on the ordinary way although native delivery is attached to its server: `{ id, key, reason }`. */
export const deliveryFallback = channel('tmcp-native:delivery:fallback');
/** Entries of another node are lost: `{ node, missed }`. */
export const backplaneGap = channel('tmcp-native:backplane:gap');
/** The connection to Redis failed, or a message was not sent: `{ error }`. */
export const backplaneError = channel('tmcp-native:backplane:error');
