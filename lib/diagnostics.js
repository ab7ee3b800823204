// What can be listened to with `node:diagnostics_channel`. To publish costs nothing as long as nobody does.

import { channel } from 'node:diagnostics_channel';

/** `{ id, key }` */
export const sessionCreated = channel('tmcp-native:session:created');
/** `{ id, key, reason, durationMs }` */
export const sessionClosed = channel('tmcp-native:session:closed');
/** `{ id, key, bytes }` */
export const messageDropped = channel('tmcp-native:message:dropped');
/** `{ node, missed }` */
export const backplaneGap = channel('tmcp-native:backplane:gap');
/** `{ error }` */
export const backplaneError = channel('tmcp-native:backplane:error');
