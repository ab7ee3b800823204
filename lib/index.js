export { BackplaneUnavailableError, SessionClosedError, SessionLimitError } from './errors.js';
export { InMemoryInfoSessionManager } from './in-memory-info-session-manager.js';
export {
	InMemoryStreamSessionManager,
	InMemoryStreamSessionManager as InMemorySessionManager,
} from './in-memory-stream-session-manager.js';
export { InMemorySubscriptionManager } from './in-memory-subscription-manager.js';
export { InfoSessionManager } from './info-session-manager.js';
export { matchesSubscription } from './notifications.js';
// Here, too, for whoever puts this package in the place of @tmcp/session-manager-redis by `overrides`.
export { RedisInfoSessionManager } from './redis-info-session-manager.js';
export { RedisStreamSessionManager } from './redis-stream-session-manager.js';
export { RedisSubscriptionManager } from './redis-subscription-manager.js';
export { StreamSessionManager, StreamSessionManager as SessionManager } from './stream-session-manager.js';
export { SubscriptionManager } from './subscription-manager.js';
