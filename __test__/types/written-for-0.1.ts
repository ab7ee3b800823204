// A program written for upstream 0.1.2. It compiles with the types of upstream and with those of this package.

import { InMemorySessionManager, SessionManager } from '@tmcp/session-manager';

const manager = new InMemorySessionManager();
const base: SessionManager = manager;

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
const exists: Promise<boolean> = manager.has('id');

/** A manager of the user's own, as in upstream's README. */
class Custom extends SessionManager {
	override create(_id: string, controller: ReadableStreamDefaultController): void {
		controller.error(controller.desiredSize);
	}
	override delete(_id: string): void {}
	override async has(_id: string): Promise<boolean> {
		return false;
	}
	override async send(_sessions: string[] | undefined, _data: string): Promise<void> {}
}
const custom: SessionManager = new Custom();

class Extended extends InMemorySessionManager {
	override create(id: string, controller: ReadableStreamDefaultController): void {
		super.create(id, controller);
	}
	// Upstream 0.1.2 declares it abstract by mistake.
	override async has(_id: string): Promise<boolean> {
		return true;
	}
	override send(sessions: string[] | undefined, data: string): void {
		super.send(sessions, data);
	}
}

const create: SessionManager['create'] = (_id, controller) => controller.error();
