// Helpers for the tests of a stream manager's options: managers that record how their sessions end, clocks under the
// control of the test, and many sessions at once.

import { mock } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';

import { InMemoryStreamSessionManager } from '@tmcp-native/session-manager';

import { needsNative } from './native.js';
import { fakeController } from './streams.js';
import { newScope } from './threads/threads.js';

/** @import { StreamSessionManagerOptions } from '@tmcp-native/session-manager' */

/** @typedef {(options?: StreamSessionManagerOptions) => InMemoryStreamSessionManager} Make creates a manager */

/**
 * The two kinds of hub that a manager can have.
 *
 * @type {{ where: string, make: Make, skip: string | false }[]}
 */
export const hubs = [
	{ where: 'without a scope', skip: false, make: (options) => new InMemoryStreamSessionManager(options) },
	{
		where: 'in a scope',
		...needsNative,
		make: (options) => new InMemoryStreamSessionManager({ scope: newScope(), ...options }),
	},
];

/** The counts in `stats().closed` when no session has ended. */
export const NONE = { deleted: 0, replaced: 0, gone: 0, slow: 0, dead: 0, overflow: 0, expired: 0, shutdown: 0 };

/** The properties of the errors with which a manager ends a stream. */
export const SLOW = { name: 'SessionClosedError', code: 'ERR_SESSION_CLOSED', reason: 'slow' };
export const DEAD = { name: 'SessionClosedError', code: 'ERR_SESSION_CLOSED', reason: 'dead' };
export const SHUTDOWN = { name: 'SessionClosedError', code: 'ERR_SESSION_CLOSED', reason: 'shutdown' };

/**
 * Returns a manager, and the id and reason of each session that has ended so far.
 *
 * @param {Make} make
 * @param {StreamSessionManagerOptions} [options]
 */
export function recordClosings(make, options) {
	/** @type {[string, string][]} */
	const closings = [];
	const manager = make({ ...options, onClose: (id, reason) => void closings.push([id, reason]) });
	return { manager, closings };
}

/**
 * Runs a function while the time of timers and of `performance.now()` passes only when the function calls `pass`.
 *
 * @param {(pass: (ms: number) => Promise<void>) => unknown} act
 */
export async function withClock(act) {
	const { now } = performance;
	// An integer, so that sums of steps are exact. Otherwise a deadline may be missed by a rounding error, and the test hangs.
	let time = Math.ceil(now.call(performance));
	performance.now = () => time;
	mock.timers.enable({ apis: ['setInterval', 'setTimeout'] });
	try {
		await act(async (ms) => {
			for (let passed = 0; passed < ms; passed += STEP_MS) {
				const step = Math.min(STEP_MS, ms - passed);
				time += step;
				mock.timers.tick(step);
				await turn();
			}
		});
	} finally {
		mock.timers.reset();
		performance.now = now;
	}
}

const STEP_MS = 50;

/**
 * Runs a function while `performance.now()` advances by two milliseconds with each call. With `sliceMs: 1`, this gives the
 * largest possible number of slices.
 *
 * @template Value
 * @param {() => Value | Promise<Value>} act
 */
export async function withSlowClock(act) {
	const { now } = performance;
	let time = now.call(performance);
	performance.now = () => {
		time += 2;
		return time;
	};
	try {
		return await act();
	} finally {
		performance.now = now;
	}
}

/**
 * Creates the sessions `0`, `1`, and so on, and returns their fake controllers.
 *
 * @param {{ create: (id: string, controller: any) => unknown }} manager
 * @param {number} count
 * @param {number} [first] id of the first session
 */
export function createSessions(manager, count, first = 0) {
	return Array.from({ length: count }, (_, number) => {
		const controller = fakeController();
		manager.create(`${first + number}`, controller);
		return controller;
	});
}

/** Returns a text of this number of bytes. @param {number} bytes */
export function textOfBytes(bytes, letter = 'x') {
	return letter.repeat(bytes);
}
