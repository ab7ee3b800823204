// What fragments of the documents use without declaring or importing it. A fragment's own declarations and imports hide
// these.

declare global {
	// A server, as the first program of README.md makes it. Its managers are in the other two files.
	const server: import('tmcp').McpServer<import('zod').ZodType>;
	const transport: import('@tmcp/transport-http').HttpTransport;
	const adapter: import('@tmcp/adapter-zod').ZodJsonSchemaAdapter;
	const listener: import('node:http').Server;

	// What surrounds a call.
	const url: string;
	const port: number;
	const DRAIN_MS: number;
	const id: string;
	const sessionId: string;
	const uri: string;
	const data: string;
	const request: Request;
	const response: import('node:http').ServerResponse;
	const controller: ReadableStreamDefaultController<Uint8Array>;
	const log: Record<'debug' | 'info' | 'warn' | 'error', (...values: unknown[]) => void>;

	// Imports.
	const InMemoryStreamSessionManager: typeof import('@tmcp-native/session-manager').InMemoryStreamSessionManager;
	type InMemoryStreamSessionManager = import('@tmcp-native/session-manager').InMemoryStreamSessionManager;
	const InMemoryInfoSessionManager: typeof import('@tmcp-native/session-manager').InMemoryInfoSessionManager;
	type InMemoryInfoSessionManager = import('@tmcp-native/session-manager').InMemoryInfoSessionManager;
	const InMemorySubscriptionManager: typeof import('@tmcp-native/session-manager').InMemorySubscriptionManager;
	type InMemorySubscriptionManager = import('@tmcp-native/session-manager').InMemorySubscriptionManager;
	const RedisStreamSessionManager: typeof import('@tmcp-native/session-manager/redis').RedisStreamSessionManager;
	type RedisStreamSessionManager = import('@tmcp-native/session-manager/redis').RedisStreamSessionManager;
	const RedisInfoSessionManager: typeof import('@tmcp-native/session-manager/redis').RedisInfoSessionManager;
	type RedisInfoSessionManager = import('@tmcp-native/session-manager/redis').RedisInfoSessionManager;
	const RedisSubscriptionManager: typeof import('@tmcp-native/session-manager/redis').RedisSubscriptionManager;
	type RedisSubscriptionManager = import('@tmcp-native/session-manager/redis').RedisSubscriptionManager;
	const SessionLimitError: typeof import('@tmcp-native/session-manager').SessionLimitError;
	const SessionClosedError: typeof import('@tmcp-native/session-manager').SessionClosedError;
	const BackplaneUnavailableError: typeof import('@tmcp-native/session-manager').BackplaneUnavailableError;
	const McpServer: typeof import('tmcp').McpServer;
	const tool: typeof import('tmcp/utils').tool;
	const resource: typeof import('tmcp/utils').resource;
	const HttpTransport: typeof import('@tmcp/transport-http').HttpTransport;
	const ZodJsonSchemaAdapter: typeof import('@tmcp/adapter-zod').ZodJsonSchemaAdapter;
	const z: typeof import('zod').z;
	const toNodeHandler: typeof import('srvx/node').toNodeHandler;
	const createServer: typeof import('node:http').createServer;
	const createClient: typeof import('redis').createClient;
	const once: typeof import('node:events').once;
	const channel: typeof import('node:diagnostics_channel').channel;
	const subscribe: typeof import('node:diagnostics_channel').subscribe;
	const availableParallelism: typeof import('node:os').availableParallelism;
	const Worker: typeof import('node:worker_threads').Worker;
	const isMainThread: typeof import('node:worker_threads').isMainThread;
	const workerData: unknown;
	const pipeline: typeof import('node:stream').pipeline;
	const Readable: typeof import('node:stream').Readable;
}

export {};
