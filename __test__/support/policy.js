// What the tests of a stream manager's options have in common: managers that note how their sessions end, a clock that is
// turned by hand, and crowds that take several slices.

import { mock } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';

import { InMemoryStreamSessionManager } from '@tmcp-native/session-manager';

import { fakeController } from './streams.js';
import { newScope } from './threads/threads.js';

/** @import { StreamSessionManagerOptions } from '@tmcp-native/session-manager' */

/** @typedef {(options?: StreamSessionManagerOptions) => InMemoryStreamSessionManager} Make */

/** @type {{ where: string, make: Make }[]} */
export const places = [
	{ where: 'alone', make: (options) => new InMemoryStreamSessionManager(options) },
	{ where: 'in a scope', make: (options) => new InMemoryStreamSessionManager({ scope: newScope(), ...options }) },
];

/** No session has ended. */
export const NONE = { deleted: 0, replaced: 0, gone: 0, slow: 0, dead: 0, overflow: 0, expired: 0, shutdown: 0 };

/**
 * A manager, and how its sessions have ended so far.
 *
 * @param {Make} make
 * @param {StreamSessionManagerOptions} [options]
 */
export function noting(make, options) {
	/** @type {[string, string][]} */
	const closings = [];
	const manager = make({ ...options, onClose: (id, reason) => void closings.push([id, reason]) });
	return { manager, closings };
}

/**
 * With the time of managers standing still but where it is told to pass.
 *
 * @param {(pass: (ms: number) => Promise<void>) => unknown} act
 */
export async function withClock(act) {
	mock.timers.enable({ apis: ['setInterval'] });
	try {
		await act(async (ms) => {
			for (let passed = 0; passed < ms; passed += STEP_MS) {
				mock.timers.tick(Math.min(STEP_MS, ms - passed));
				await turn();
			}
		});
	} finally {
		mock.timers.reset();
	}
}

const STEP_MS = 50;

/**
 * With each look at `performance.now()` taking two milliseconds, so that what is done in slices of one is done in as many as
 * there can be.
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
 * Sessions `0`, `1` and so on, of controllers that only remember.
 *
 * @param {{ create: (id: string, controller: any) => unknown }} manager
 * @param {number} count
 * @param {number} [first]
 */
export function crowd(manager, count, first = 0) {
	return Array.from({ length: count }, (_, number) => {
		const controller = fakeController();
		manager.create(`${first + number}`, controller);
		return controller;
	});
}

/** A text of so many bytes. @param {number} bytes */
export function ofBytes(bytes, letter = 'x') {
	return letter.repeat(bytes);
}
