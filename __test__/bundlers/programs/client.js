// A client of server.js: opens a session and its stream, calls the tool, and waits for the notification on the stream.

/**
 * @param {(request: Request) => Promise<Response | null>} respond
 * @param {string} [address]
 * @returns {Promise<{ isNative: boolean, received: string }>}
 */
export async function exchange(respond, address = 'http://localhost/mcp') {
	/** @type {Record<string, string>} */
	const headers = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' };
	const ask = async (/** @type {string} */ method, /** @type {object} */ message) => {
		const body = message && JSON.stringify({ jsonrpc: '2.0', ...message });
		const response = await respond(new Request(address, { method, headers, body }));
		if (response?.ok) return response;
		throw new Error(`${method} is answered with ${response?.status}: ${await response?.text()}`);
	};
	const clientInfo = { name: 'a client', version: '1.0.0' };
	const params = { protocolVersion: '2025-06-18', capabilities: {}, clientInfo };
	const initialized = await ask('POST', { id: 1, method: 'initialize', params });
	await initialized.text();
	headers['mcp-session-id'] = initialized.headers.get('mcp-session-id') ?? '';
	await (await ask('POST', { method: 'notifications/initialized' })).text();
	const stream = await ask('GET');
	const reader = stream.body.pipeThrough(new TextDecoderStream()).getReader();
	const called = await ask('POST', { id: 2, method: 'tools/call', params: { name: 'core', arguments: {} } });
	const isNative = (await called.text()).includes('"native"');
	let received = '';
	while (!/"method".*\n\n/s.test(received)) {
		const { value, done } = await reader.read();
		if (done) throw new Error(`the stream ended after ${JSON.stringify(received)}`);
		received += value;
	}
	await reader.cancel();
	await (await ask('DELETE')).text();
	return { isNative, received: /** @type {RegExpExecArray} */ (/"method":"([^"]*)"/.exec(received))[1] };
}
