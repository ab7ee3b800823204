export {
	InMemoryStreamSessionManager,
	InMemoryStreamSessionManager as InMemorySessionManager,
} from './in-memory-stream-session-manager.js';
export { StreamSessionManager, StreamSessionManager as SessionManager } from './stream-session-manager.js';
