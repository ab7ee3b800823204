// Objects of this package are assignable to the types of upstream 0.1.2, and the abstract base the other way around.

import type * as upstream from '@tmcp/session-manager';
import * as ours from '@tmcp-native/session-manager';

const manager: upstream.SessionManager = new ours.InMemorySessionManager();
const memory: Pick<upstream.InMemorySessionManager, keyof upstream.InMemorySessionManager> =
	new ours.InMemorySessionManager();
declare const theirs: upstream.SessionManager;
const base: ours.SessionManager = theirs;
