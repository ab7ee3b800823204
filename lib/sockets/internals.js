// The internals of Node.js that native delivery needs. No other file names them, except the hooks of `hooks.js`.
//
// Each is checked before it is used. Where one has another shape, a session stays on the ordinary way.

import { OutgoingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';

/** @import { FallbackReason } from '../../node.js' */

/** The methods of a socket that are replaced on an instance while its session is direct. */
const HOOKED_METHODS = ['_writeGeneric', '_final', '_destroy', '_onTimeout'];

/** Returns true on Node.js. Bun and Deno have their own HTTP server. */
export function isNode() {
	const { bun, deno } = process.versions;
	return process.release?.name === 'node' && bun === undefined && deno === undefined;
}

/**
 * Returns the reason for which a response cannot be direct, as far as it is known before its head is written.
 *
 * @param {unknown} response
 * @returns {FallbackReason | undefined} `undefined` when nothing is against it
 */
export function obstacleOf(response) {
	if (!(response instanceof ServerResponse)) return 'http2';
	const { socket, _hasBody } = /** @type {any} */ (response);
	if (socket === null || socket === undefined || socket._httpMessage !== response) return 'pipelined';
	if (socket.encrypted) return 'tls';
	if (fdOf(socket) === undefined) return 'no-fd';
	if (_hasBody !== true) return typeof _hasBody === 'boolean' ? 'no-body' : 'unknown-runtime';
	if (!isUntouched(response, socket) || !isUnhooked(response, socket)) return 'transformed';
	return hasKnownShape(response, socket) ? undefined : 'unknown-runtime';
}

/**
 * Returns true when no other code has replaced the methods through which the body goes to the socket, apart from those that
 * native delivery replaces itself. Middleware for compression replaces `end`.
 *
 * @param {ServerResponse} response
 * @param {any} socket
 */
export function isUntouched(response, socket) {
	const { prototype } = /** @type {any} */ (Socket);
	const methods = ['write', 'end', '_write', '_writev'];
	return response.end === OutgoingMessage.prototype.end && methods.every((name) => socket[name] === prototype[name]);
}

/**
 * Returns true when no other code has replaced the methods that native delivery replaces.
 *
 * @param {ServerResponse} response
 * @param {any} socket
 */
function isUnhooked(response, socket) {
	const { prototype } = /** @type {any} */ (Socket);
	return (
		response.write === OutgoingMessage.prototype.write &&
		HOOKED_METHODS.every((name) => socket[name] === prototype[name])
	);
}

/**
 * @param {ServerResponse} response
 * @param {any} socket
 */
function hasKnownShape(response, socket) {
	const { _header, _headerSent, finished } = /** @type {any} */ (response);
	return (
		HOOKED_METHODS.every((name) => typeof socket[name] === 'function') &&
		(_header === null || typeof _header === 'string') &&
		typeof _headerSent === 'boolean' &&
		typeof finished === 'boolean' &&
		typeof response.writableLength === 'number' &&
		typeof socket.writableLength === 'number' &&
		typeof socket._handle.writeQueueSize === 'number'
	);
}

/**
 * Returns the file descriptor of a socket.
 *
 * @param {any} socket
 * @returns {number | undefined} `undefined` when it has none, or when it is not a TCP or Unix socket
 */
export function fdOf(socket) {
	const handle = socket._handle;
	const kind = handle?.constructor?.name;
	if (kind !== 'TCP' && kind !== 'Pipe') return undefined;
	return Number.isInteger(handle.fd) && handle.fd >= 0 ? handle.fd : undefined;
}

/**
 * Returns the reason for which a response cannot be direct, according to its head.
 *
 * @param {ServerResponse} response with a head
 * @returns {FallbackReason | undefined}
 */
export function obstacleInHead(response) {
	const head = headOf(response).toLowerCase();
	if (head.includes('\r\ncontent-encoding:')) return 'content-encoding';
	if (head.includes('\r\ncontent-length:')) return 'content-length';
	if (/** @type {any} */ (response)._hasBody !== true) return 'no-body';
	// Without both, the body ends with the connection.
	if (!isChunked(response) && response.shouldKeepAlive) return 'unknown-runtime';
	return undefined;
}

/**
 * Returns the head of a response; an empty text while it has none.
 *
 * @param {ServerResponse} response
 * @returns {string}
 */
export function headOf(response) {
	return /** @type {any} */ (response)._header ?? '';
}

/**
 * Returns true when the head was given to the socket.
 *
 * @param {ServerResponse} response
 * @returns {boolean}
 */
export function isHeadSent(response) {
	return /** @type {any} */ (response)._headerSent;
}

/**
 * Returns true when the body is framed as HTTP chunks.
 *
 * @param {ServerResponse} response
 */
export function isChunked(response) {
	return response.chunkedEncoding === true;
}

/**
 * Returns true when `end()` was called, or when the connection has gone on to another response.
 *
 * @param {ServerResponse} response
 * @param {Socket} socket
 */
export function hasEnded(response, socket) {
	return response.finished || /** @type {any} */ (socket)._httpMessage !== response;
}

/**
 * Returns true when Node.js has nothing of the response left to write: the operating system has all of it.
 *
 * @param {ServerResponse} response
 * @param {Socket} socket
 */
export function isQuiet(response, socket) {
	const { writableCorked, _handle: handle } = /** @type {any} */ (socket);
	return (
		!socket.destroyed &&
		handle?.writeQueueSize === 0 &&
		socket.writableLength === 0 &&
		writableCorked === 0 &&
		response.writableLength === 0 &&
		response.writableCorked === 0
	);
}

/** The classes of read requests behind which no other stream is, on Node.js 20 and 22. */
const PLAIN_READ_REQUESTS = ['DefaultReadRequest', 'ReadableStreamAsyncIteratorReadRequest'];

/** On these versions, a chunk passes a TransformStream before the first microtask runs. */
const HAS_EAGER_PIPES = Number.parseInt(process.versions.node, 10) < 24;

/**
 * Returns false when the reader that waits for the next chunk of a stream pipes it into another stream, such as a
 * TransformStream. Only Node.js 20 and 22 need this check; later versions show it by the time that a chunk takes.
 *
 * @param {ReadableStreamDefaultController} controller
 */
export function hasPlainReader(controller) {
	if (!HAS_EAGER_PIPES) return true;
	const request = stateOf(stateOf(stateOf(controller)?.stream)?.reader)?.readRequests?.[0];
	// Without a reader that waits, the chunk is queued and is no test.
	return request === undefined || PLAIN_READ_REQUESTS.includes(request.constructor?.name);
}

/** The function in place of a missing `pull`: before Node.js 24, and since. */
const NO_PULL = ['nonOpPull', 'nonOpCallback'];

/**
 * Returns true when the source of a stream may have the method `pull`.
 *
 * @param {ReadableStreamDefaultController} controller
 */
export function hasPull(controller) {
	return !NO_PULL.includes(stateOf(controller)?.pullAlgorithm?.name);
}

/**
 * Returns the internal state of an object of the Streams API.
 *
 * @param {any} object
 */
function stateOf(object) {
	if (typeof object !== 'object' || object === null) return undefined;
	const symbol = Object.getOwnPropertySymbols(object).find(({ description }) => description === 'kState');
	return symbol === undefined ? undefined : object[symbol];
}
