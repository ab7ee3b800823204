// The entry point `@tmcp-native/session-manager/redis`: re-exports the managers that use Redis and their errors.

export { BackplaneUnavailableError, SessionClosedError, SessionLimitError } from './errors.js';
export { RedisInfoSessionManager } from './managers/redis/info.js';
export { RedisStreamSessionManager } from './managers/redis/streams.js';
export { RedisSubscriptionManager } from './managers/redis/subscriptions.js';
