// Ours goes wherever the types of upstream 0.3.0 ask for its own.

import type * as upstream from '@tmcp/session-manager';
import * as ours from '@tmcp-native/session-manager';

const manager: upstream.StreamSessionManager = new ours.InMemoryStreamSessionManager();
const memory: Pick<upstream.InMemoryStreamSessionManager, keyof upstream.InMemoryStreamSessionManager> =
	new ours.InMemoryStreamSessionManager();
declare const theirs: upstream.StreamSessionManager;
const base: ours.StreamSessionManager = theirs;
