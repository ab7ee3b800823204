// The shell commands to try an example server as a client.

/**
 * @param {string} url of the server
 * @returns {{ why: string, type: string, shows: (string | RegExp)[] }[]} commands for any POSIX shell, and their output
 */
export function tryIt(url) {
	return [
		{
			why: 'A client posts JSON-RPC messages. Each has the id of the session.',
			type: `post() { curl -sS ${url} -H 'content-type: application/json' -H "mcp-session-id: $SESSION" -d "$@"; }`,
			shows: [],
		},
		{
			why: 'Initialize. The session id is in the headers of the response.',
			type: `SESSION=$(post '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"capabilities":{},
  "protocolVersion":"2025-06-18","clientInfo":{"name":"curl","version":"8"}}}' -o /dev/null -D - |
  sed -n 's/^mcp-session-id: //p' | tr -d '\\r'); echo "$SESSION"
post '{"jsonrpc":"2.0","method":"notifications/initialized"}'`,
			shows: [/^[0-9a-f-]{36}$/m],
		},
		{
			why: 'Open the stream in the background. It begins with ": connected".',
			type: `curl -sSN ${url} -H 'accept: text/event-stream' -H "mcp-session-id: $SESSION" &`,
			shows: [': connected'],
		},
		{
			why: 'Subscribe to a resource.',
			type: `post '{"jsonrpc":"2.0","id":2,"method":"resources/subscribe","params":{"uri":"counter://visits"}}'`,
			shows: ['"id":2,"result":{}'],
		},
		{
			why: 'Change the resource: beside the response, resources/updated arrives on the stream.',
			type: `post '{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"count","arguments":{"counter":"visits"}}}'`,
			shows: ['visits: 1', '"method":"notifications/resources/updated","params":{"uri":"counter://visits"'],
		},
		{
			why: 'Add a tool: tools/list_changed arrives on the stream of every client.',
			type: `post '{"jsonrpc":"2.0","id":4,"method":"tools/call","params":{"name":"add_reset","arguments":{"counter":"visits"}}}'`,
			shows: ['Added the tool reset_visits', '"method":"notifications/tools/list_changed"'],
		},
		{
			why: 'End the session: the stream ends.',
			type: `curl -sS -X DELETE ${url} -H "mcp-session-id: $SESSION"`,
			shows: [],
		},
	];
}
