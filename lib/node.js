// The entry point `@tmcp-native/session-manager/node`: re-exports what works with servers of Node.js. Unlike the other entry
// points, it needs Node.js, Bun or Deno.

export { shutdown } from './server/shutdown.js';
export { attachNativeDelivery } from './sockets/attach.js';
