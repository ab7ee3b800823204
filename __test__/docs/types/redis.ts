// The managers of fragments that are marked "fragment with redis".

declare global {
	const streams: RedisStreamSessionManager;
	const info: RedisInfoSessionManager;
	const subscriptions: RedisSubscriptionManager;
}

export {};
