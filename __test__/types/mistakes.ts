// What is wrong fails to compile, and what is right beyond upstream compiles.

import {
	InMemoryStreamSessionManager,
	SessionClosedError,
	type SessionCloseReason,
	type SessionController,
	StreamSessionManager,
} from '@tmcp-native/session-manager';

const ours = new InMemoryStreamSessionManager();

// @ts-expect-error an abstract class
new StreamSessionManager();
// @ts-expect-error no such option
new InMemoryStreamSessionManager({ pol: true });
// @ts-expect-error no boolean
new InMemoryStreamSessionManager({ pool: 'no' });
// @ts-expect-error one of two
new InMemoryStreamSessionManager({ maxQueuedBytes: 1, onSlowClient: 'wait' });
// @ts-expect-error a number of milliseconds
ours.close({ drainMs: '1s' });
// @ts-expect-error no such reason
ours.stats().closed.bored;
// @ts-expect-error an id is a string
ours.create(1, { enqueue() {}, close() {} });
// @ts-expect-error no controller
ours.create('id', {});
// @ts-expect-error a controller of strings
new ReadableStream<string>({ start: (controller) => ours.create('id', controller) });
// @ts-expect-error a list, not an id
ours.send('id', 'text');
// @ts-expect-error text
ours.send(['id'], new Uint8Array());
// @ts-expect-error read only
ours.size = 1;
// @ts-expect-error methods left out
class Unfinished extends StreamSessionManager {}

new InMemoryStreamSessionManager({ pool: false });
const gone: [string, SessionCloseReason][] = [];
const told = new InMemoryStreamSessionManager({
	keepAliveMs: 15_000,
	deadAfterKeepAlives: 0,
	maxQueuedBytes: 1_048_576,
	onSlowClient: 'drop',
	coalesce: true,
	sliceMs: 8,
	maxSessions: Infinity,
	maxAgeMs: undefined,
	onClose: (id, reason) => gone.push([id, reason]),
});
const slow: number = told.stats().closed.slow;
const closing: Promise<void> = told.close({ drainMs: 0 });
const disposed: Promise<void> = told[Symbol.asyncDispose]();
const reason: 'slow' | 'dead' | 'shutdown' = new SessionClosedError('slow').reason;
new ReadableStream({ type: 'bytes', start: (controller) => ours.create('id', controller) });
new ReadableStream<Uint8Array>({ start: (controller) => ours.create('id', controller) });
ours.create('id', { enqueue(_chunk: Uint8Array) {}, close() {} });
ours.send(null, 'text');
ours.send(['id'] as const, 'text');
const size: number = ours.size;
const ids: string[] = ours.ids();

class Extended extends InMemoryStreamSessionManager {
	override create(id: string, controller: SessionController): void {
		super.create(id, controller);
	}
}
