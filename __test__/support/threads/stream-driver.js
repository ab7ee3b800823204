// A stream manager of one thread and the streams of its sessions, driven by the commands of a test. The main thread has a
// driver too, so that a test can treat all threads alike.

import timers from 'node:timers';
import { parentPort } from 'node:worker_threads';

import { InMemoryStreamSessionManager } from '@tmcp-native/session-manager';

import { collected } from '../garbage.js';
import { fakeController, openByteStream, openStream, text } from '../streams.js';
import { StreamWorkload } from './stream-workload.js';
import { SubscriptionDriver } from './subscription-driver.js';

/** @import { StreamManager } from '../implementations.js' */
/** @import { WorkloadOptions } from './stream-workload.js' */

/** The part of a manager that these tests use. @typedef {StreamManager & Record<string, any>} Manager */
/** @typedef {'fake' | 'stream' | 'bytes' | 'throwing'} Kind */
/** @typedef {{ messages: string[], closed: number }} Seen the messages of a stream, and how often it was closed */

/** Uncaught errors of this thread. @type {string[]} */
export const uncaught = [];

export class StreamDriver {
	/** The streams of this driver for each id, oldest first. @type {Map<string, Seen[]>} */
	streams = new Map();
	/** For the functions that a test runs here. */
	tools = {
		InMemoryStreamSessionManager,
		ReadableStream,
		SubscriptionDriver,
		collected,
		fakeController,
		openByteStream,
		openStream,
		parentPort,
		text,
		timers,
	};
	/** State that a test keeps from one `run` to the next. @type {Record<string, any>} */
	own = {};

	/** @param {Manager} manager */
	constructor(manager) {
		this.manager = manager;
	}

	/** @param {any} [options] */
	static open(options) {
		return new StreamDriver(/** @type {Manager} */ (new InMemoryStreamSessionManager(options)));
	}

	/**
	 * @param {string} id
	 * @param {Kind} [kind]
	 */
	create(id, kind = 'fake') {
		const { controller, seen } = make(kind);
		this.manager.create(id, controller);
		const streams = this.streams.get(id);
		if (streams) streams.push(seen);
		else this.streams.set(id, [seen]);
	}

	/** @param {string} id */
	delete(id) {
		this.manager.delete(id);
	}

	/** @param {string} id */
	has(id) {
		return this.manager.has(id);
	}

	/**
	 * @param {string[] | undefined | null} ids
	 * @param {string} message
	 */
	send(ids, message) {
		this.manager.send(ids, message);
	}

	flush() {
		return this.manager.flush();
	}

	size() {
		return this.manager.size;
	}

	ids() {
		return this.manager.ids();
	}

	stats() {
		return this.manager.stats();
	}

	/**
	 * Returns what the streams of an id have received, oldest first.
	 *
	 * @param {string} id
	 */
	seen(id) {
		return (this.streams.get(id) ?? []).map(({ messages, closed }) => ({ messages: [...messages], closed }));
	}

	uncaught() {
		return uncaught;
	}

	/**
	 * @param {string} source of a function that takes this driver as its first argument
	 * @param {unknown[]} args
	 */
	run(source, ...args) {
		// Evaluated in the global scope, so the function sees nothing of this file.
		return Function(`return (${source})`)()(this, ...args);
	}

	/** @param {WorkloadOptions} options */
	prepareWorkload(options) {
		this.own.workload = new StreamWorkload(this.manager, options);
	}

	runWorkload() {
		return this.own.workload.run();
	}

	workloadReport() {
		return this.own.workload.report();
	}
}

/**
 * @param {Kind} kind
 * @returns {{ controller: any, seen: Seen }}
 */
function make(kind) {
	if (kind === 'fake') {
		const controller = fakeController();
		return { controller, seen: controller };
	}
	/** @type {Seen} */
	const seen = { messages: [], closed: 0 };
	if (kind === 'throwing') {
		const enqueue = () => {
			throw new Error('thrown by a controller');
		};
		return { controller: { enqueue, close: () => seen.closed++ }, seen };
	}
	const stream = kind === 'bytes' ? openByteStream() : openStream();
	const read = async () => {
		for (let message = await stream.next(); message !== undefined; message = await stream.next()) {
			seen.messages.push(message);
		}
		seen.closed++;
	};
	read();
	return { controller: stream.controller, seen };
}
