// A tmcp server with our session manager, left running to try it by hand:
//
//   node scripts/setup.mjs examples && node examples/server.mjs      (from the root; PORT=3000 unless told otherwise)
//
// Then be its client in another terminal. The server prints these lines, too, with its own URL:
//
// A client posts JSON-RPC messages, all with the id of its session.
//
//   post() { curl -sS http://127.0.0.1:3000/mcp -H 'content-type: application/json' -H "mcp-session-id: $SESSION" -d "$@"; }
//
// Initialize. The session id comes in the headers of the answer.
//
//   SESSION=$(post '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"capabilities":{},
//     "protocolVersion":"2025-06-18","clientInfo":{"name":"curl","version":"8"}}}' -o /dev/null -D - |
//     sed -n 's/^mcp-session-id: //p' | tr -d '\r'); echo "$SESSION"
//   post '{"jsonrpc":"2.0","method":"notifications/initialized"}'
//
// Open the stream, in the background. It says ": connected".
//
//   curl -sSN http://127.0.0.1:3000/mcp -H 'accept: text/event-stream' -H "mcp-session-id: $SESSION" &
//
// Subscribe to a resource.
//
//   post '{"jsonrpc":"2.0","id":2,"method":"resources/subscribe","params":{"uri":"counter://visits"}}'
//
// Change it: besides the answer, resources/updated arrives on the stream.
//
//   post '{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"count","arguments":{"counter":"visits"}}}'
//
// Add a tool: tools/list_changed arrives, as on the stream of every client.
//
//   post '{"jsonrpc":"2.0","id":4,"method":"tools/call","params":{"name":"add_reset","arguments":{"counter":"visits"}}}'
//
// Leave: the stream ends.
//
//   curl -sS -X DELETE http://127.0.0.1:3000/mcp -H "mcp-session-id: $SESSION"

// The transport imports it. But Deno loads a package that is linked, as this one is here, only if a program names it.
import '@tmcp/session-manager';
import { listen } from './support/http-listener.mjs';
import { createMcpServer } from './support/mcp-server.mjs';
import { serve } from './support/serve.mjs';

await serve('server.mjs', async (port) => ({
	about: 'An MCP server',
	...(await listen(createMcpServer(), port)),
}));
