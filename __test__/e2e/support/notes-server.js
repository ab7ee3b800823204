// The tmcp server of the e2e tests: notes as resources, and tools that return what the transport knows of the client.

export const LEVELS = ['debug', 'info', 'notice', 'warning', 'error', 'critical', 'alert', 'emergency'];

/** @param {number | string} name */
export const noteUri = (name) => `note://${name}`;

/**
 * @param {import('./installations.js').Installation} installation
 * @param {number} notes number of notes: `note://0`, `note://1`, …
 */
export function makeNotesServer({ McpServer }, notes) {
	const server = new McpServer(
		{ name: 'notes', version: '1.0.0', description: 'Notes to watch' },
		{
			adapter: undefined,
			capabilities: {
				logging: {},
				prompts: { listChanged: true },
				resources: { listChanged: true, subscribe: true },
				tools: { listChanged: true },
			},
		},
	);
	const answer = (/** @type {unknown} */ value) => ({ content: [{ type: 'text', text: JSON.stringify(value) }] });
	server.tool({ name: 'who_am_i', description: 'Returns what is known of the client' }, () =>
		answer(server.ctx.sessionInfo ?? 'nobody'),
	);
	server.tool({ name: 'log', description: 'Logs once on each level' }, () => {
		for (const level of LEVELS) server.log(level, `a message of level ${level}`);
		return answer('logged');
	});
	server.prompt({ name: 'write', description: 'Asks for a note' }, () => ({ messages: [] }));
	for (let index = 0; index < notes; index++) {
		const uri = noteUri(index);
		server.resource({ name: `note ${index} 📝`, description: 'A note', uri }, () => ({ contents: [] }));
	}
	return server;
}
