// Objects of this package are assignable to the types of upstream 0.3.0, and the abstract bases the other way around.

import type * as upstream from '@tmcp/session-manager';
import * as ours from '@tmcp-native/session-manager';

const manager: upstream.StreamSessionManager = new ours.InMemoryStreamSessionManager();
const memory: Pick<upstream.InMemoryStreamSessionManager, keyof upstream.InMemoryStreamSessionManager> =
	new ours.InMemoryStreamSessionManager();
declare const theirs: upstream.StreamSessionManager;
const base: ours.StreamSessionManager = theirs;

const info: upstream.InfoSessionManager = new ours.InMemoryInfoSessionManager();
declare const theirInfo: upstream.InfoSessionManager;
const infoBase: ours.InfoSessionManager = theirInfo;

const subscriptions: upstream.SubscriptionManager = new ours.InMemorySubscriptionManager();
declare const theirSubscriptions: upstream.SubscriptionManager;
const subscriptionsBase: ours.SubscriptionManager = theirSubscriptions;
const subscriptionsMemory: Pick<upstream.InMemorySubscriptionManager, keyof upstream.InMemorySubscriptionManager> =
	new ours.InMemorySubscriptionManager();

const matches: typeof upstream.matchesSubscription = ours.matchesSubscription;
declare const theirSubscription: upstream.Subscription;
const subscription: ours.Subscription = theirSubscription;
const back: upstream.Subscription = subscription;
declare const theirCallbacks: upstream.SubscriptionCallbacks;
const callbacks: ours.SubscriptionCallbacks = theirCallbacks;
const callbacksBack: upstream.SubscriptionCallbacks = callbacks;
