// Wrong calls do not compile. Right calls that upstream does not have compile.

import {
	InMemoryStreamSessionManager,
	SessionClosedError,
	type SessionCloseReason,
	type SessionController,
	StreamSessionManager,
} from '@tmcp-native/session-manager';

const ours = new InMemoryStreamSessionManager();

// @ts-expect-error The class is abstract.
new StreamSessionManager();
// @ts-expect-error The option does not exist.
new InMemoryStreamSessionManager({ pol: true });
// @ts-expect-error The option is a boolean.
new InMemoryStreamSessionManager({ pool: 'no' });
// @ts-expect-error The option is 'close' or 'drop'.
new InMemoryStreamSessionManager({ maxQueuedBytes: 1, onSlowClient: 'wait' });
// @ts-expect-error The option is a number of milliseconds.
ours.close({ drainMs: '1s' });
// @ts-expect-error The reason does not exist.
ours.stats().closed.bored;
// @ts-expect-error An id is a string.
ours.create(1, { enqueue() {}, close() {} });
// @ts-expect-error A controller has the method enqueue.
ours.create('id', {});
// @ts-expect-error A controller has the method enqueue.
ours.create('id', { close() {} });
// @ts-expect-error The close of a controller is a method.
ours.create('id', { enqueue() {}, close: 1 });
// @ts-expect-error The stream is one of strings, not of bytes.
new ReadableStream<string>({ start: (controller) => ours.create('id', controller) });
// @ts-expect-error The first argument is an array of ids.
ours.send('id', 'text');
// @ts-expect-error The message is a string.
ours.send(['id'], new Uint8Array());
// @ts-expect-error The property is read-only.
ours.size = 1;
// @ts-expect-error The abstract methods are missing.
class Unfinished extends StreamSessionManager {}

new InMemoryStreamSessionManager({ pool: false });
const closed: [string, SessionCloseReason][] = [];
const configured = new InMemoryStreamSessionManager({
	keepAliveMs: 15_000,
	deadAfterKeepAlives: 0,
	maxQueuedBytes: 1_048_576,
	onSlowClient: 'drop',
	coalesce: true,
	sliceMs: 8,
	maxSessions: Infinity,
	maxAgeMs: undefined,
	onClose: (id, reason) => closed.push([id, reason]),
});
const slow: number = configured.stats().closed.slow;
const closing: Promise<void> = configured.close({ drainMs: 0 });
const disposed: Promise<void> = configured[Symbol.asyncDispose]();
const reason: 'slow' | 'dead' | 'shutdown' = new SessionClosedError('slow').reason;
new ReadableStream({ type: 'bytes', start: (controller) => ours.create('id', controller) });
new ReadableStream<Uint8Array>({ start: (controller) => ours.create('id', controller) });
ours.create('id', { enqueue(_chunk: Uint8Array) {}, close() {} });
ours.create('id', { enqueue(_chunk: Uint8Array) {} });
ours.send(null, 'text');
ours.send(['id'] as const, 'text');
const size: number = ours.size;
const ids: string[] = ours.ids();

class Extended extends InMemoryStreamSessionManager {
	override create(id: string, controller: SessionController): void {
		super.create(id, controller);
	}
}

// The controllers of real streams are accepted by a class that overrides `create` with their type, too.
class ForRealStreams extends InMemoryStreamSessionManager {
	override create(id: string, controller: ReadableStreamDefaultController): void {
		const accepted: SessionController = controller;
		super.create(id, accepted);
	}
}
