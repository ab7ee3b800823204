// `attachNativeDelivery()`: finds the response of each new session.

import { AsyncLocalStorage } from 'node:async_hooks';
import { invalidArgument } from '../errors.js';
import { openSockets } from '../native/binding.js';
import { numberOption, optionOutOfRange, readOptions } from '../options/checks.js';
import { nativeDelivery } from '../streams/direct.js';
import { Delivery } from './delivery.js';
import { isNode } from './internals.js';
import { ThreadSockets } from './thread-sockets.js';

/** @import { IncomingMessage, Server, ServerResponse } from 'node:http' */
/** @import { NativeDelivery } from '../../node.js' */

/** The events of a server that give a response to user code. */
const REQUEST_EVENTS = ['request', 'checkContinue', 'checkExpectation'];

const MAX_WRITERS = 16;

/**
 * The response that the running code answers, and the delivery of its server. The response is held weakly: on Node.js 20
 * and 22, the store of a request lives as long as its connection.
 *
 * @type {AsyncLocalStorage<{ response: WeakRef<ServerResponse>, delivery: Delivery }>}
 */
const current = new AsyncLocalStorage();

/** What was returned for each server. @type {WeakMap<object, NativeDelivery>} */
const attached = new WeakMap();

/** The sockets of this thread, from the first call on. @type {ThreadSockets | undefined} */
let sockets;

let hasWarned = false;

/**
 * Makes Rust write the messages of a server's sessions to the clients' sockets.
 *
 * @param {unknown} server
 * @param {unknown} [options]
 * @returns {NativeDelivery}
 */
export function attachNativeDelivery(server, options) {
	const httpServer = httpServerOf(server);
	const { writers: given } = readOptions(options, ['writers'], 'attachNativeDelivery');
	const writers = numberOption({ writers: given }, 'writers', 'attachNativeDelivery') ?? 1;
	if (writers > MAX_WRITERS) {
		throw optionOutOfRange('attachNativeDelivery', 'writers', `an integer from 1 to ${MAX_WRITERS}`, writers);
	}
	const before = attached.get(httpServer);
	if (before !== undefined) return before;
	const delivery = isNode() && openSockets !== undefined ? attach(httpServer, openSockets, writers) : attachNothing();
	attached.set(httpServer, delivery);
	return delivery;
}

/**
 * @param {Server} server
 * @param {NonNullable<typeof openSockets>} open
 * @param {number} writers
 * @returns {NativeDelivery}
 */
function attach(server, open, writers) {
	sockets ??= new ThreadSockets(open, writers);
	nativeDelivery.adopt ??= (session, streams) => {
		const store = current.getStore();
		const response = store?.response.deref();
		if (response !== undefined) store?.delivery.adopt(session, streams, response);
	};
	const delivery = new Delivery(sockets);
	const enter = (/** @type {IncomingMessage} */ _request, /** @type {ServerResponse} */ response) => {
		current.enterWith({ response: new WeakRef(response), delivery });
	};
	for (const event of REQUEST_EVENTS) {
		// A listener for the other events changes what Node.js answers by itself.
		if (event === 'request' || server.listenerCount(event) > 0) server.prependListener(event, enter);
	}
	return {
		stats: () => delivery.stats(),
		detach() {
			for (const event of REQUEST_EVENTS) server.removeListener(event, enter);
			delivery.detach();
			attached.delete(server);
		},
	};
}

/**
 * Reports once that this runtime is not supported.
 *
 * @returns {NativeDelivery}
 */
function attachNothing() {
	if (!hasWarned) {
		hasWarned = true;
		process.emitWarning(
			'attachNativeDelivery: native delivery needs Node.js on Linux or macOS and the native addon; ' +
				'messages are delivered through the streams, as without it',
			{ code: 'TMCP_NATIVE_DELIVERY' },
		);
	}
	return { stats: () => ({ direct: 0, fallback: {} }), detach() {} };
}

/**
 * Returns the `http.Server` of a server, also of one that srvx has made.
 *
 * @param {any} server
 * @returns {Server}
 */
function httpServerOf(server) {
	const candidate = server?.node?.server ?? server;
	if (typeof candidate?.prependListener === 'function' && typeof candidate.listenerCount === 'function')
		return candidate;
	throw invalidArgument('attachNativeDelivery: "server" must be an http.Server or a server of srvx', server);
}
