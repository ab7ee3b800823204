// The entry point `@tmcp-native/session-manager`: re-exports the public classes and functions.

export { BackplaneUnavailableError, SessionClosedError, SessionLimitError } from './errors.js';
export { InfoSessionManager } from './managers/abstract/info.js';
export { StreamSessionManager, StreamSessionManager as SessionManager } from './managers/abstract/streams.js';
export { SubscriptionManager } from './managers/abstract/subscriptions.js';
export { InMemoryInfoSessionManager } from './managers/in-memory/info.js';
export {
	InMemoryStreamSessionManager,
	InMemoryStreamSessionManager as InMemorySessionManager,
} from './managers/in-memory/streams.js';
export { InMemorySubscriptionManager } from './managers/in-memory/subscriptions.js';
// The Redis managers are here as well, so that `overrides` can replace @tmcp/session-manager-redis with this package.
export { RedisInfoSessionManager } from './managers/redis/info.js';
export { RedisStreamSessionManager } from './managers/redis/streams.js';
export { RedisSubscriptionManager } from './managers/redis/subscriptions.js';
export { isNative } from './native/binding.js';
export { matchesSubscription } from './subscriptions/notifications.js';
