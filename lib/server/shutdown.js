// The shutdown of a server and of its managers, in the order in which nothing that clients wait for is lost.

import { timers } from '#platform';
import { numberOption, readOptions } from '../options/checks.js';
import { within } from '../streams/shutdown.js';
import { closeStreams, closeSubscriptions, leave, sortManagers } from './managers.js';
import { identityOf, stoppable } from './servers.js';
import { Steps } from './steps.js';

/** @import { ShutdownResult } from '../../node.js' */

/** Fits into the 10 s that Docker waits before it kills a process. */
const DEFAULT_DRAIN_MS = 8_000;
/** Time for the streams to drain when requests have used up all of `drainMs`. */
const MIN_STREAM_DRAIN_MS = 150;
/** Time after `drainMs` for the last chunks, which are in the buffers of node:http. Then all connections are closed. */
const CUT_AFTER_MS = 250;
/** Time for connections to close that were cut. Some cannot be: those of TLS without a handshake, some of HTTP/2. */
const CLOSED_MS = 250;
/** Time after `drainMs` at which the shutdown ends in any case. */
const END_AFTER_MS = 600;
/** A request that was under way can still open a stream of `subscriptions/listen`. Interval at which those are closed. */
const SUBSCRIPTIONS_INTERVAL_MS = 50;

/** The shutdowns that have begun, by the server. @type {WeakMap<object, Promise<ShutdownResult>>} */
const shutdowns = new WeakMap();

/**
 * Shuts down servers and their managers.
 *
 * @param {unknown} server a server, or an array of servers
 * @param {unknown} [options]
 * @returns {Promise<ShutdownResult>}
 */
export function shutdown(server, options) {
	try {
		const servers = Array.isArray(server) ? server : [server];
		const identities = servers.map(identityOf);
		const begun = identities.map((identity) => shutdowns.get(identity)).find((promise) => promise !== undefined);
		if (begun !== undefined) return begun;
		const { managers = [], ...rest } = readOptions(options, ['managers', 'drainMs'], 'shutdown');
		const drainMs = numberOption(rest, 'drainMs', 'shutdown', { min: 0 }) ?? DEFAULT_DRAIN_MS;
		const promise = run(servers.map(stoppable), sortManagers(managers), drainMs);
		for (const identity of identities) shutdowns.set(identity, promise);
		return promise;
	} catch (error) {
		return Promise.reject(error);
	}
}

/**
 * @param {ReturnType<typeof stoppable>[]} servers
 * @param {ReturnType<typeof sortManagers>} managers
 * @param {number} drainMs
 * @returns {Promise<ShutdownResult>}
 */
async function run(servers, { streams, info, subscriptions }, drainMs) {
	const begin = performance.now();
	const left = (/** @type {number} */ ms) => Math.max(0, begin + ms - performance.now());
	const steps = new Steps();

	// 1. No more connections and requests. The requests under way finish: they still need the managers.
	for (const [index, server] of servers.entries()) steps.begin(`close() of server ${index}`, () => server.stop());
	const endSubscriptions = () => {
		for (const [index, manager] of subscriptions.entries()) {
			steps.begin(`closing the subscriptions of ${nameOf(manager, index)}`, () => closeSubscriptions(manager));
		}
	};
	endSubscriptions();
	const repeated = timers.setInterval(endSubscriptions, SUBSCRIPTIONS_INTERVAL_MS);
	await within(Promise.all(servers.map((server) => server.requestsFinished())), left(drainMs));

	// 2. The streams end, each when its client has read everything.
	const streamDrainMs = Math.max(MIN_STREAM_DRAIN_MS, Math.round(left(drainMs)));
	for (const [index, manager] of streams.entries()) {
		steps.begin(`close() of ${nameOf(manager, index)}`, () => closeStreams(manager, streamDrainMs));
	}
	await steps.finished(left(drainMs + CUT_AFTER_MS));
	await within(Promise.all(servers.map((server) => server.responsesFinished())), left(drainMs + CUT_AFTER_MS));
	timers.clearInterval(repeated);

	// 3. The connections that are left are closed, and then the managers that answer requests.
	for (const [index, server] of servers.entries()) {
		server.cut();
		steps.begin(`closing server ${index}`, () => server.closed(), CLOSED_MS);
	}
	for (const [index, manager] of [...info, ...subscriptions].entries()) {
		steps.begin(`close() of ${nameOf(manager, index)}`, () => leave(manager));
	}
	await steps.finished(left(drainMs + END_AFTER_MS));
	steps.giveUp();
	return { unfinished: sum(servers.map((server) => server.unfinished)), errors: steps.errors };
}

/**
 * Returns a name that identifies a manager among those of its kind.
 *
 * @param {object} manager
 * @param {number} index
 */
function nameOf(manager, index) {
	return `${manager.constructor.name} ${index}`;
}

/**
 * Returns the sum, or `undefined` when one of the numbers is not known.
 *
 * @param {(number | undefined)[]} numbers
 */
function sum(numbers) {
	if (numbers.includes(undefined)) return undefined;
	return numbers.reduce((/** @type {number} */ total, number = 0) => total + number, 0);
}
