// The server that the scenarios of @modelcontextprotocol/conformance expect: tools, resources and prompts with given names and
// contents.

import { setTimeout as delay } from 'node:timers/promises';

/** A red pixel. */
const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg==';
/** Silence. */
const WAV = 'UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA=';
/** Delay between two notifications of a tool, as the scenarios require. */
const PAUSE_MS = 50;

const text = (/** @type {string} */ value) => /** @type {const} */ ({ type: 'text', text: value });
const image = /** @type {const} */ ({ type: 'image', data: PNG, mimeType: 'image/png' });

/** @param {import('./installations.js').Installation} installation */
export function makeConformanceServer({ McpServer }) {
	const server = new McpServer(
		{ name: 'conformance', version: '1.0.0', description: 'A server for the conformance suite' },
		{
			adapter: { toJsonSchema: async (/** @type {any} */ schema) => schema.json },
			capabilities: {
				completions: {},
				logging: {},
				prompts: { listChanged: true },
				resources: { listChanged: true, subscribe: true },
				tools: { listChanged: true },
			},
		},
	);
	addContents(server);
	addNotifiers(server);
	addClientRequests(server);
	addResources(server);
	addPrompts(server);
	return server;
}

/** @param {any} server */
function addContents(server) {
	const resource = {
		uri: 'test://embedded-resource',
		mimeType: 'text/plain',
		text: 'This is an embedded resource content.',
	};
	const json = {
		uri: 'test://mixed-content-resource',
		mimeType: 'application/json',
		text: '{"test":"data","value":123}',
	};
	const contents = {
		test_simple_text: [text('This is a simple text response for testing.')],
		test_image_content: [image],
		test_audio_content: [{ type: 'audio', data: WAV, mimeType: 'audio/wav' }],
		test_embedded_resource: [{ type: 'resource', resource }],
		test_multiple_content_types: [text('Multiple content types test:'), image, { type: 'resource', resource: json }],
	};
	for (const [name, content] of Object.entries(contents)) server.tool(described(name), () => ({ content }));
	server.tool(described('test_error_handling'), () => ({
		isError: true,
		content: [text('This tool intentionally returns an error for testing')],
	}));
	const properties = { name: { type: 'string' }, address: { $ref: '#/$defs/address' } };
	const address = { type: 'object', properties: { street: { type: 'string' }, city: { type: 'string' } } };
	const schema = schemaOf(properties, {
		$schema: 'https://json-schema.org/draft/2020-12/schema',
		$defs: { address },
		additionalProperties: false,
	});
	server.tool({ ...described('json_schema_2020_12_tool'), schema }, () => ({ content: [text('done')] }));
}

/** @param {any} server */
function addNotifiers(server) {
	server.tool(described('test_tool_with_logging'), async () => {
		for (const message of ['Tool execution started', 'Tool processing data', 'Tool execution completed']) {
			server.log('info', message);
			await delay(PAUSE_MS);
		}
		return { content: [text('logged')] };
	});
	server.tool(described('test_tool_with_progress'), async () => {
		for (const progress of [0, 50, 100]) {
			server.progress(progress, 100);
			await delay(PAUSE_MS);
		}
		return { content: [text('done')] };
	});
	// tmcp cannot close the stream of a response and continue on another one.
	server.tool(described('test_reconnection'), () => ({ content: [text('done')] }));
}

/** @param {any} server */
function addClientRequests(server) {
	const prompt = schemaOf({ prompt: { type: 'string' } }, { required: ['prompt'] });
	server.tool(
		{ ...described('test_sampling'), schema: prompt },
		async (/** @type {{ prompt: string }} */ { prompt }) => {
			const { content } = await server.message({ messages: [{ role: 'user', content: text(prompt) }], maxTokens: 100 });
			return { content: [text(`LLM response: ${content.text}`)] };
		},
	);
	/**
	 * @param {string} question
	 * @param {Record<string, object>} properties
	 * @param {object} [rest]
	 */
	const ask = async (question, properties, rest) => {
		const { action, content } = await server.elicitation(question, schemaOf(properties, rest));
		return `action=${action}, content=${JSON.stringify(content)}`;
	};
	const message = schemaOf({ message: { type: 'string' } }, { required: ['message'] });
	server.tool(
		{ ...described('test_elicitation'), schema: message },
		async (/** @type {{ message: string }} */ given) => {
			const properties = {
				username: { type: 'string', description: "User's response" },
				email: { type: 'string', description: "User's email address" },
			};
			const answer = await ask(given.message, properties, { required: ['username', 'email'] });
			return { content: [text(`User response: ${answer}`)] };
		},
	);
	server.tool(described('test_elicitation_sep1034_defaults'), async () => {
		const answer = await ask('Please check the defaults', {
			name: { type: 'string', default: 'John Doe' },
			age: { type: 'integer', default: 30 },
			score: { type: 'number', default: 95.5 },
			status: { type: 'string', enum: ['active', 'inactive', 'pending'], default: 'active' },
			verified: { type: 'boolean', default: true },
		});
		return { content: [text(`Elicitation completed: ${answer}`)] };
	});
	server.tool(described('test_elicitation_sep1330_enums'), async () => {
		const options = ['option1', 'option2', 'option3'];
		const titled = ['First', 'Second', 'Third'].map((name, index) => ({
			const: `value${index + 1}`,
			title: `${name} Option`,
		}));
		const answer = await ask('Please choose', {
			untitledSingle: { type: 'string', enum: options },
			titledSingle: { type: 'string', oneOf: titled },
			legacyEnum: {
				type: 'string',
				enum: ['opt1', 'opt2', 'opt3'],
				enumNames: ['Option One', 'Option Two', 'Option Three'],
			},
			untitledMulti: { type: 'array', items: { type: 'string', enum: options } },
			titledMulti: { type: 'array', items: { anyOf: titled } },
		});
		return { content: [text(`Elicitation completed: ${answer}`)] };
	});
}

/** @param {any} server */
function addResources(server) {
	const files = {
		'test://static-text': { mimeType: 'text/plain', text: 'This is the content of the static text resource.' },
		'test://static-binary': { mimeType: 'image/png', blob: PNG },
		'test://watched-resource': { mimeType: 'text/plain', text: 'watched' },
	};
	for (const [uri, content] of Object.entries(files)) {
		const { mimeType } = content;
		server.resource({ ...described(uri.slice('test://'.length)), uri, mimeType }, () => ({
			contents: [{ uri, ...content }],
		}));
	}
	const template = { ...described('template'), uri: 'test://template/{id}/data', mimeType: 'application/json' };
	server.template(template, (/** @type {string} */ uri, /** @type {{ id: string }} */ { id }) => {
		const json = JSON.stringify({ id, templateTest: true, data: `Data for ID: ${id}` });
		return { contents: [{ uri, mimeType: 'application/json', text: json }] };
	});
}

/** @param {any} server */
function addPrompts(server) {
	const user = (/** @type {object} */ content) => ({ role: 'user', content });
	server.prompt(described('test_simple_prompt'), () => ({
		messages: [user(text('This is a simple prompt for testing.'))],
	}));
	server.prompt(
		{
			...described('test_prompt_with_arguments'),
			schema: schemaOf(
				{
					arg1: { type: 'string', description: 'First test argument' },
					arg2: { type: 'string', description: 'Second test argument' },
				},
				{ required: ['arg1', 'arg2'] },
			),
			complete: {
				arg1: (/** @type {string} */ begun) => ({
					completion: { values: [`${begun}1`, `${begun}2`], total: 2, hasMore: false },
				}),
			},
		},
		(/** @type {{ arg1: string, arg2: string }} */ { arg1, arg2 }) => ({
			messages: [user(text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`))],
		}),
	);
	server.prompt(
		{
			...described('test_prompt_with_embedded_resource'),
			schema: schemaOf(
				{ resourceUri: { type: 'string', description: 'URI of the resource to embed' } },
				{ required: ['resourceUri'] },
			),
		},
		(/** @type {{ resourceUri: string }} */ { resourceUri }) => {
			const resource = { uri: resourceUri, mimeType: 'text/plain', text: 'Embedded resource content for testing.' };
			return {
				messages: [user({ type: 'resource', resource }), user(text('Please process the embedded resource above.'))],
			};
		},
	);
	server.prompt(described('test_prompt_with_image'), () => ({
		messages: [user(image), user(text('Please analyze the image above.'))],
	}));
}

/** @param {string} name */
function described(name) {
	return { name, description: `For the scenario of ${name}` };
}

/**
 * Returns a Standard Schema that accepts every value. The adapter of the server returns its `json`.
 *
 * @param {Record<string, object>} properties
 * @param {object} [rest] further properties of the JSON Schema
 */
function schemaOf(properties, rest) {
	return {
		json: { type: 'object', properties, ...rest },
		'~standard': { version: 1, vendor: 'e2e', validate: (/** @type {unknown} */ value) => ({ value }) },
	};
}
