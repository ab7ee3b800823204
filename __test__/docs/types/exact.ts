// The package's types with one difference: options that do not exist are refused also where they stand in a variable, which
// TypeScript accepts elsewhere. Fragments of documents are checked against these types.

import type * as ours from 'session-manager-types';

export * from 'session-manager-types';

type Exact<Given, Options> = Given & { [Name in Exclude<keyof Given, keyof Options>]: 'there is no such option' };

interface InMemory<Manager, Options> {
	new <Given extends Options = Options>(options?: Exact<Given, Options>): Manager;
}

interface Redis<Manager, Options> {
	new <Given extends Options = Options>(url: string, options?: Exact<Given, Options>): Manager;
}

export type InMemoryStreamSessionManager = ours.InMemoryStreamSessionManager;
export declare const InMemoryStreamSessionManager: InMemory<
	InMemoryStreamSessionManager,
	ours.StreamSessionManagerOptions
>;
export type InMemoryInfoSessionManager = ours.InMemoryInfoSessionManager;
export declare const InMemoryInfoSessionManager: InMemory<InMemoryInfoSessionManager, ours.InfoSessionManagerOptions>;
export type InMemorySubscriptionManager = ours.InMemorySubscriptionManager;
export declare const InMemorySubscriptionManager: InMemory<
	InMemorySubscriptionManager,
	ours.SubscriptionManagerOptions
>;

export type RedisStreamSessionManager = ours.RedisStreamSessionManager;
export declare const RedisStreamSessionManager: Redis<RedisStreamSessionManager, ours.RedisStreamSessionManagerOptions>;
export type RedisInfoSessionManager = ours.RedisInfoSessionManager;
export declare const RedisInfoSessionManager: Redis<RedisInfoSessionManager, ours.RedisInfoSessionManagerOptions>;
export type RedisSubscriptionManager = ours.RedisSubscriptionManager;
export declare const RedisSubscriptionManager: Redis<RedisSubscriptionManager, ours.RedisSubscriptionManagerOptions>;
