// A stream manager on top of `@socket.io/redis-streams-adapter`, for comparison. A session is a socket whose only room is its id,
// which is what socket.io gives each socket. `send` to ids is `io.to(ids).emit()`, to all it is `io.emit()`, and `has` is
// `io.in(id).fetchSockets()`, which asks every server.
//
// The adapter gets the parts of a socket.io namespace that it uses, without a server and connections. A packet is encoded as the
// chunk of a stream in place of a WebSocket frame. So it does the work of the other managers, and less than in socket.io.

import { createAdapter } from '@socket.io/redis-streams-adapter';
import { createClient } from 'redis';

/** The type of a packet that has an event. */
const EVENT = 2;
/** A room without sockets. */
const EMPTY_ROOM = 'empty';
const PROBE_INTERVAL_MS = 10;

const encoder = new TextEncoder();

export class StreamsAdapterSessionManager {
	/** @type {Map<string, { controller: ReadableStreamDefaultController }>} */
	#sockets = new Map();
	#client;
	/** @type {any} */
	#adapter;
	#connected;

	/** @param {string} url */
	constructor(url) {
		this.#client = createClient({ url });
		// The client reconnects. Without a listener, an error would end the process.
		this.#client.on('error', () => {});
		this.#connected = this.#connect();
	}

	async #connect() {
		await this.#client.connect();
		const namespace = {
			name: '/',
			sockets: this.#sockets,
			server: { opts: {}, encoder: { encode: (/** @type {any} */ packet) => [encoder.encode(packet.data[0])] } },
		};
		this.#adapter = createAdapter(this.#client)(namespace);
	}

	/** Resolves when messages of other nodes arrive here: the adapter has read an entry that this node has added. */
	async ready() {
		await this.#connected;
		const onRawMessage = this.#adapter.onRawMessage;
		let hasRead = false;
		this.#adapter.onRawMessage = (/** @type {any[]} */ ...args) => {
			hasRead = true;
			onRawMessage.apply(this.#adapter, args);
		};
		while (!hasRead) {
			await this.send([EMPTY_ROOM], '');
			await new Promise((resolve) => setTimeout(resolve, PROBE_INTERVAL_MS));
		}
		delete this.#adapter.onRawMessage;
	}

	/**
	 * @param {string} id
	 * @param {ReadableStreamDefaultController} controller
	 */
	async create(id, controller) {
		await this.#connected;
		const rooms = new Set([id]);
		const socket = {
			id,
			controller,
			rooms,
			handshake: {},
			data: {},
			client: { writeToEngine: (/** @type {Uint8Array[]} */ [chunk]) => controller.enqueue(chunk) },
			disconnect: () => this.#end(id),
		};
		this.#sockets.set(id, socket);
		this.#adapter.addAll(id, rooms);
	}

	/** @param {string} id */
	async delete(id) {
		await this.#connected;
		if (this.#sockets.has(id)) this.#end(id);
		else await this.#adapter.disconnectSockets(targets([id]), true);
	}

	/** @param {string} id */
	async has(id) {
		if (this.#sockets.has(id)) return true;
		await this.#connected;
		return (await this.#adapter.fetchSockets(targets([id]))).length > 0;
	}

	/**
	 * @param {string[] | undefined} ids
	 * @param {string} data
	 */
	async send(ids, data) {
		await this.#adapter.broadcast({ type: EVENT, data: [data] }, targets(ids ?? []));
	}

	/** @param {string} id */
	#end(id) {
		const socket = this.#sockets.get(id);
		if (socket === undefined) return;
		this.#sockets.delete(id);
		this.#adapter.delAll(id);
		// Fails when the stream is closed or errored already.
		try {
			socket.controller.close();
		} catch {}
	}
}

/** @param {string[]} rooms */
function targets(rooms) {
	return { rooms: new Set(rooms), except: new Set(), flags: {} };
}
