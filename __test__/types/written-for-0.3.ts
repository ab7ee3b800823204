// A program written for upstream 0.3.0. It compiles with the types of upstream and with those of this package.

import {
	InfoSessionManager,
	InMemoryInfoSessionManager,
	InMemoryStreamSessionManager,
	InMemorySubscriptionManager,
	matchesSubscription,
	StreamSessionManager,
	type Subscription,
	type SubscriptionCallbacks,
	SubscriptionManager,
} from '@tmcp/session-manager';

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
const exists: Promise<boolean> = manager.has('id');

/** A manager of the user's own. */
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

class CustomInfo extends InfoSessionManager {
	override getClientInfo: InfoSessionManager['getClientInfo'] = async () => ({ name: 'client', version: '1' });
	override setClientInfo: InfoSessionManager['setClientInfo'] = (_id, client_info) => console.log(client_info?.name);
	override getClientCapabilities: InfoSessionManager['getClientCapabilities'] = async () => ({ sampling: {} });
	override setClientCapabilities: InfoSessionManager['setClientCapabilities'] = (_id, capabilities) =>
		console.log(capabilities?.roots?.listChanged);
	override getLogLevel: InfoSessionManager['getLogLevel'] = async () => 'warning';
	override setLogLevel: InfoSessionManager['setLogLevel'] = (_id, level) => console.log(level === 'error');
	override getSubscriptions: InfoSessionManager['getSubscriptions'] = async () => [];
	override addSubscription(_id: string, _uri: string): void {}
	override removeSubscription(_id: string, _uri: string): void {}
	override delete(_id: string): void {}
}
const info: InfoSessionManager = new CustomInfo();
const memory: InfoSessionManager = new InMemoryInfoSessionManager();
memory.setLogLevel('id', 'debug');

class CustomSubscriptions extends SubscriptionManager {
	override create(subscription: Subscription, callbacks: SubscriptionCallbacks): boolean {
		void callbacks.send({ jsonrpc: '2.0', method: 'notifications/tools/list_changed', params: {} });
		return matchesSubscription(subscription.filters, { jsonrpc: '2.0', method: 'x' });
	}
	override async send(_notification: Parameters<SubscriptionCallbacks['send']>[0]): Promise<void> {}
	override async close(_id: string | number, _origin: string, _reason: 'closed' | 'cancelled'): Promise<boolean> {
		return true;
	}
	override closeAll(_origin?: string, _reason?: 'closed' | 'cancelled'): void {}
}
const subscriptions: SubscriptionManager = new CustomSubscriptions();
const inMemory: SubscriptionManager = new InMemorySubscriptionManager();
const registered: boolean | Promise<boolean> = inMemory.create(
	{ id: 1, origin: 'origin', filters: { toolsListChanged: true, resourceSubscriptions: ['a:b'] } },
	{ acknowledge() {}, async send() {}, close: () => {} },
);
