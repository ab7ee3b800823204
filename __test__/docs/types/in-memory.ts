// The managers of fragments that are marked "fragment".

declare global {
	const streams: InMemoryStreamSessionManager;
	const info: InMemoryInfoSessionManager;
	const subscriptions: InMemorySubscriptionManager;
}

export {};
