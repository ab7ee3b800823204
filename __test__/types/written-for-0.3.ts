// User code written for upstream 0.3.0. It is compiled against upstream's types and against ours.

import { InMemoryStreamSessionManager, StreamSessionManager } from '@tmcp/session-manager';

const manager = new InMemoryStreamSessionManager();
const base: StreamSessionManager = manager;

new ReadableStream({
	start(controller) {
		manager.create('id', controller);
	},
	cancel() {
		manager.delete('id');
	},
});
manager.send(undefined, 'text');
manager.send(['id'], 'text');
const there: Promise<boolean> = manager.has('id');

/** As for another store. */
class Custom extends StreamSessionManager {
	override create(_id: string, controller: ReadableStreamDefaultController): void {
		controller.error(controller.desiredSize);
	}
	override delete(_id: string): void {}
	override async has(_id: string): Promise<boolean> {
		return false;
	}
	override async send(_sessions: string[] | undefined, _data: string): Promise<void> {}
}
const custom: StreamSessionManager = new Custom();

class Extended extends InMemoryStreamSessionManager {
	override create(id: string, controller: ReadableStreamDefaultController): void {
		super.create(id, controller);
	}
	override send(sessions: string[] | undefined, data: string): void {
		super.send(sessions, data);
	}
}

const create: StreamSessionManager['create'] = (_id, controller) => controller.error();
