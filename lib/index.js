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
// Here, too, for whoever puts this package in the place of @tmcp/session-manager-redis by `overrides`.
export { RedisInfoSessionManager } from './managers/redis/info.js';
export { RedisStreamSessionManager } from './managers/redis/streams.js';
export { RedisSubscriptionManager } from './managers/redis/subscriptions.js';
export { matchesSubscription } from './subscriptions/notifications.js';
