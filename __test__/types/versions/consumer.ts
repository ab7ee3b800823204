// A program that uses this package. run.mjs compiles it with several versions and options of TypeScript.

import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import {
	InMemoryInfoSessionManager,
	InMemoryStreamSessionManager,
	InMemorySubscriptionManager,
	type SessionCloseReason,
	type SessionController,
} from '@tmcp-native/session-manager';
import { type ShutdownOptions, type ShutdownResult, shutdown } from '@tmcp-native/session-manager/node';
import {
	RedisInfoSessionManager,
	RedisStreamSessionManager,
	RedisSubscriptionManager,
} from '@tmcp-native/session-manager/redis';

const url = 'redis://redis.example';
const memory = new InMemoryStreamSessionManager();
const redis = new RedisStreamSessionManager(url);

// The stream may have any kind of controller.
new ReadableStream({ start: (controller) => memory.create('id', controller) });
new ReadableStream({ start: (controller) => redis.create('id', controller) });
new ReadableStream({ type: 'bytes', start: (controller) => memory.create('id', controller) });
new ReadableStream({ type: 'bytes', start: (controller) => redis.create('id', controller) });
new ReadableStream<Uint8Array>({ start: (controller) => memory.create('id', controller) });
memory.create('id', { enqueue(_chunk: Uint8Array) {}, close() {} });
memory.create('id', { enqueue: (_chunk: Uint8Array) => {}, close: () => {} });
// @ts-expect-error The stream is one of strings, not of bytes.
new ReadableStream<string>({ start: (controller) => memory.create('id', controller) });
// @ts-expect-error The stream is one of strings, not of bytes.
new ReadableStream<string>({ start: (controller) => redis.create('id', controller) });

// A controller of the user's own can pass the chunks on to any other, and can add chunks.
function forwarding(controller: ReadableStreamDefaultController | ReadableByteStreamController): SessionController {
	return { enqueue: (chunk) => controller.enqueue(chunk), close: () => controller.close() };
}
class Greeting extends InMemoryStreamSessionManager {
	override create(id: string, controller: SessionController): void {
		super.create(id, controller);
		controller.enqueue(new TextEncoder().encode(': hello\n\n'));
		controller.enqueue(new Uint8Array([10]));
	}
}

// Each option accepts `undefined`.
declare const undefinedOptions: <Options>() => Record<keyof NonNullable<Options>, undefined>;
type First<Arguments extends unknown[]> = Arguments[0];
type Second<Arguments extends unknown[]> = Arguments extends [unknown, (infer Options)?] ? Options : never;

new InMemoryStreamSessionManager(undefinedOptions<First<ConstructorParameters<typeof InMemoryStreamSessionManager>>>());
new InMemoryInfoSessionManager(undefinedOptions<First<ConstructorParameters<typeof InMemoryInfoSessionManager>>>());
new InMemorySubscriptionManager(undefinedOptions<First<ConstructorParameters<typeof InMemorySubscriptionManager>>>());
new RedisStreamSessionManager(url, undefinedOptions<Second<ConstructorParameters<typeof RedisStreamSessionManager>>>());
new RedisInfoSessionManager(url, undefinedOptions<Second<ConstructorParameters<typeof RedisInfoSessionManager>>>());
new RedisSubscriptionManager(url, undefinedOptions<Second<ConstructorParameters<typeof RedisSubscriptionManager>>>());
memory.close(undefinedOptions<First<Parameters<typeof memory.close>>>());
redis.close(undefinedOptions<First<Parameters<typeof redis.close>>>());

// As a program writes it:
declare const onClose: ((id: string, reason: SessionCloseReason) => void) | undefined;
declare const log: ((error: Error) => void) | undefined;
new InMemoryStreamSessionManager({ onClose, keepAliveMs: undefined });
new InMemoryInfoSessionManager({ maxSessions: undefined, onSessionLimit: log, streams: undefined });
new RedisStreamSessionManager(url, { onClose, onError: log, onGap: undefined, maxLen: undefined, tls: undefined });
new RedisInfoSessionManager(url, { tls: { ca: ['pem', new Uint8Array()], cert: undefined, servername: 'host' } });
// @ts-expect-error The option is a function.
new RedisInfoSessionManager(url, { onError: 1 });
// @ts-expect-error The option does not exist.
new RedisSubscriptionManager(url, { maxLength: undefined });

// srvx need not be installed.
declare const srvxServer: { fetch(request: Request): Promise<Response>; close(closeAll?: boolean): Promise<void> };
const managers = [memory, redis, new InMemoryInfoSessionManager(), new RedisSubscriptionManager(url)] as const;
const stopped: Promise<ShutdownResult> = shutdown([createServer(), createSecureServer(), srvxServer], {
	managers,
	drainMs: 1_000,
});
stopped.then(({ unfinished, errors }) => console.log((unfinished ?? 0) + errors.length, errors[0]?.message));
shutdown(createServer(), undefinedOptions<ShutdownOptions>());
// @ts-expect-error A manager is no server.
shutdown(memory);
