// What is wrong fails to compile, and what is right beyond upstream compiles.

import {
	InMemoryStreamSessionManager,
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
