export { SessionLimitError } from './errors.js';
export { InMemoryInfoSessionManager } from './in-memory-info-session-manager.js';
export {
	InMemoryStreamSessionManager,
	InMemoryStreamSessionManager as InMemorySessionManager,
} from './in-memory-stream-session-manager.js';
export { InMemorySubscriptionManager } from './in-memory-subscription-manager.js';
export { InfoSessionManager } from './info-session-manager.js';
export { matchesSubscription } from './notifications.js';
export { StreamSessionManager, StreamSessionManager as SessionManager } from './stream-session-manager.js';
export { SubscriptionManager } from './subscription-manager.js';
