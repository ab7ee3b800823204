// Runs the programs and servers of the documents.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { start } from './project.js';
import { PROGRAMS } from './snippets.js';

/** @import { Project } from './project.js' */
/** @import { Snippet } from './snippets.js' */

/** A server that takes longer than this to stop hangs: Docker kills a container after the same time. */
const STOP_LIMIT_MS = 10_000;

/** A URL in a line that is complete, without the sentence's own punctuation. */
const PRINTED_URL = /https?:\/\/[^\s'"`<>)\]},]*[\w/](?=.*\n)/;

/** Arguments for tools whose schema does not say all: by name. @type {Record<string, Record<string, unknown>>} */
const KNOWN_ARGUMENTS = {
	count: { counter: 'visits' },
	add_reset: { counter: 'visits' },
};

/**
 * Runs a complete program.
 *
 * @param {Project} project
 * @param {Snippet} snippet
 * @param {{ env?: Record<string, string>, limitMs?: number }} [options]
 * @throws {Error} when it does not end with exit code 0, or prints something else than its document says
 */
export async function checkProgram(project, { place, language, code, output }, options = {}) {
	const program = start(project, { code, extension: PROGRAMS[language], ...options });
	const ended = await program.ended;
	assert.equal(ended, 0, `${place} ended with ${ended}:${program.report()}`);
	if (output !== undefined) {
		assert.equal(
			program.stdout,
			`${output}\n`,
			`${place} prints something else than the document says:\n${program.stdout}`,
		);
	}
}

/**
 * Runs a complete MCP server: a client calls a tool and opens the stream, then SIGTERM stops the server.
 *
 * @param {Project} project
 * @param {Snippet} snippet
 * @param {{ stopLimitMs?: number }} [options]
 * @throws {Error} when any of it does not work, the exit code is not 0, or the stream is not ended in order
 */
export async function checkServer(project, { place, language, code }, { stopLimitMs = STOP_LIMIT_MS } = {}) {
	const port = await freePort();
	const server = start(project, { code, extension: PROGRAMS[language], env: { PORT: String(port) } });
	/**
	 * Waits for something that a client does, and no longer than the server runs.
	 *
	 * @template T
	 * @param {string} what
	 * @param {Promise<T>} promise
	 */
	async function whileRunning(what, promise) {
		const ended = server.ended.then((code) => Promise.reject(new Error(`the server ended with ${code}`)));
		try {
			return await Promise.race([promise, ended]);
		} catch (cause) {
			const { message } = /** @type {Error} */ (cause);
			throw new Error(`${place}: no client can ${what}: ${message}${server.report()}`, { cause });
		}
	}

	try {
		const [url] = await server.until(PRINTED_URL);
		assert.equal(new URL(url).port, String(port), `${place} does not listen on PORT, but prints ${url}`);
		const client = new Client({ name: 'documents', version: '1.0.0' });
		const watched = watchStream();
		try {
			const transport = new StreamableHTTPClientTransport(new URL(url), { fetch: watched.fetch });
			await whileRunning('connect', client.connect(transport));
			await whileRunning('call a tool', callFirstTool(client));
			const stream = await whileRunning('open a stream', watched.stream);
			const { status, type } = stream;
			assert.ok(
				status === 200 && type.startsWith('text/event-stream'),
				`${place} answers the GET of a stream with ${status} and ${type}`,
			);
			assert.ok(
				await whileRunning('read its stream', stream.isLive),
				`${place} ends the stream before it has sent anything`,
			);

			server.kill('SIGTERM');
			const late = setTimeout(server.kill, stopLimitMs, 'SIGKILL');
			const ended = await server.ended;
			clearTimeout(late);
			assert.notEqual(ended, 'SIGKILL', `${place} still ran ${stopLimitMs} ms after SIGTERM:${server.report()}`);
			assert.equal(ended, 0, `${place} ended with ${ended} after SIGTERM:${server.report()}`);
			assert.equal(await stream.end, 'ended', `${place} cut the stream of its client`);
		} finally {
			await client.close();
		}
	} finally {
		server.kill('SIGKILL');
		await server.ended;
	}
}

/** @param {Client} client */
async function callFirstTool(client) {
	const { tools } = await client.listTools();
	assert.ok(tools.length > 0, 'there are no tools');
	const [{ name, inputSchema }] = tools;
	const result = await client.callTool({ name, arguments: KNOWN_ARGUMENTS[name] ?? sampleOf(inputSchema) });
	assert.ok(!result.isError, `${name} answers with an error: ${JSON.stringify(result.content)}`);
}

/**
 * Returns a value that a JSON schema allows, with required properties only.
 *
 * @param {any} schema
 * @returns {any}
 */
function sampleOf(schema) {
	const { type, properties = {}, required = [], minimum, minLength = 1 } = schema;
	if ('default' in schema) return schema.default;
	if ('const' in schema) return schema.const;
	if ('enum' in schema) return schema.enum[0];
	if ('anyOf' in schema) return sampleOf(schema.anyOf[0]);
	if (type === 'object') {
		return Object.fromEntries(required.map((/** @type {string} */ name) => [name, sampleOf(properties[name])]));
	}
	if (type === 'array') return schema.minItems > 0 ? Array(schema.minItems).fill(sampleOf(schema.items)) : [];
	if (type === 'number' || type === 'integer') return minimum ?? 1;
	if (type === 'boolean') return true;
	if (type === 'string') return 'text'.padEnd(minLength, '.');
	throw new Error(`Add arguments for this tool to KNOWN_ARGUMENTS; its schema is ${JSON.stringify(schema)}`);
}

/**
 * Returns a `fetch` for the client's transport, and what the server answers to its first GET.
 *
 * @returns {{ fetch: import('@modelcontextprotocol/sdk/shared/transport.js').FetchLike, stream: Promise<WatchedStream> }}
 */
function watchStream() {
	/** @type {(stream: WatchedStream) => void} */
	let answered;
	const stream = new Promise((/** @type {(stream: WatchedStream) => void} */ resolve) => {
		answered = resolve;
	});
	return {
		stream,
		async fetch(url, init) {
			const response = await fetch(url, init);
			if (init?.method !== 'GET') return response;
			const { status, headers, body } = response;
			const [mine, client] = body?.tee() ?? [];
			answered({ status, type: headers.get('content-type') ?? 'nothing', ...readAlong(mine?.getReader()) });
			return new Response(client, { status, headers });
		},
	};
}

/**
 * @typedef {object} WatchedStream
 * @property {number} status
 * @property {string} type
 * @property {Promise<boolean>} isLive resolves to true when a chunk has arrived
 * @property {Promise<'ended' | 'cut'>} end resolves when the stream is over
 */

/** @param {ReadableStreamDefaultReader<Uint8Array> | undefined} reader */
function readAlong(reader) {
	const first = reader?.read();
	const readAll = async () => {
		for (let chunk = await first; chunk?.done === false; chunk = await reader?.read());
		return /** @type {const} */ ('ended');
	};
	return {
		isLive: Promise.resolve(first).then(
			(chunk) => chunk?.done === false,
			() => false,
		),
		end: readAll().catch(() => /** @type {const} */ ('cut')),
	};
}

async function freePort() {
	const server = createServer().listen(0, '127.0.0.1');
	await once(server, 'listening');
	const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
	server.close();
	await once(server, 'close');
	return port;
}
