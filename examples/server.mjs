// A tmcp server with this package's session managers. It runs until it is stopped:
//
//   node scripts/setup.mjs examples && node examples/server.mjs      (in the root folder; PORT, default 3000)
//
// Be its client in another terminal. The server prints these lines, too, with its own URL:
//
// A client posts JSON-RPC messages. Each has the id of the session.
//
//   post() { curl -sS http://127.0.0.1:3000/mcp -H 'content-type: application/json' -H "mcp-session-id: $SESSION" -d "$@"; }
//
// Initialize. The session id is in the headers of the response.
//
//   SESSION=$(post '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"capabilities":{},
//     "protocolVersion":"2025-06-18","clientInfo":{"name":"curl","version":"8"}}}' -o /dev/null -D - |
//     sed -n 's/^mcp-session-id: //p' | tr -d '\r'); echo "$SESSION"
//   post '{"jsonrpc":"2.0","method":"notifications/initialized"}'
//
// Open the stream in the background. It begins with ": connected".
//
//   curl -sSN http://127.0.0.1:3000/mcp -H 'accept: text/event-stream' -H "mcp-session-id: $SESSION" &
//
// Subscribe to a resource.
//
//   post '{"jsonrpc":"2.0","id":2,"method":"resources/subscribe","params":{"uri":"counter://visits"}}'
//
// Change the resource: beside the response, resources/updated arrives on the stream.
//
//   post '{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"count","arguments":{"counter":"visits"}}}'
//
// Add a tool: tools/list_changed arrives on the stream of every client.
//
//   post '{"jsonrpc":"2.0","id":4,"method":"tools/call","params":{"name":"add_reset","arguments":{"counter":"visits"}}}'
//
// End the session: the stream ends.
//
//   curl -sS -X DELETE http://127.0.0.1:3000/mcp -H "mcp-session-id: $SESSION"

import { InMemoryStreamSessionManager, InMemorySubscriptionManager } from '@tmcp/session-manager';
import { listen } from './support/http-listener.mjs';
import { createMcpServer } from './support/mcp-server.mjs';
import { serve } from './support/serve.mjs';

await serve('server.mjs', async (port) => {
	const streams = new InMemoryStreamSessionManager();
	const subscriptions = new InMemorySubscriptionManager();
	const { transport } = createMcpServer({ sessionManager: { streams }, subscriptionManager: subscriptions });
	const listener = await listen(transport, port, { managers: [streams, subscriptions] });
	return { about: 'An MCP server', ...listener };
});
