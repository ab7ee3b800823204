export { BackplaneUnavailableError, SessionClosedError, SessionLimitError } from './errors.js';
export { RedisInfoSessionManager } from './redis-info-session-manager.js';
export { RedisStreamSessionManager } from './redis-stream-session-manager.js';
export { RedisSubscriptionManager } from './redis-subscription-manager.js';
