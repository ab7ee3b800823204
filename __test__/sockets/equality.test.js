// The same random operations on hosts without and with native delivery: each client receives exactly the bytes that were sent
// to it, and each response ends in the same way.

import { after, before, describe, it } from 'node:test';
import { hosts } from './hosts/index.js';
import { attachNativeDelivery } from './hosts/listening.js';
import { assertSameStreams } from './support/same-streams.js';
import { socketOperations } from './support/socket-operations.js';
import { SandboxHost, SocketSandbox } from './support/socket-sandbox.js';

/** These adapters do not cancel the stream of a client that leaves. */
const NEVER_CANCELS = ['node:http with pipe'];

for (const [name, start] of Object.entries(hosts)) {
	describe(`behind ${name}`, () => {
		const ordinary = new SandboxHost();
		const native = new SandboxHost();
		before(async () => {
			await ordinary.start(start, false);
			await native.start(start, attachNativeDelivery !== undefined);
		});
		after(() => Promise.all([ordinary.host.stop(), native.host.stop()]));

		it('clients receive the same bytes with and without native delivery', async () => {
			const operations = socketOperations({ leaves: !NEVER_CANCELS.includes(name) });
			await assertSameStreams(operations, [() => new SocketSandbox(native), () => new SocketSandbox(ordinary)]);
		});
	});
}
