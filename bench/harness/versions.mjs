// The versions that are compared, and the names that tables give to the implementations.

import { readFileSync } from 'node:fs';

/** @typedef {ReturnType<typeof readVersions>} Versions */

/** Reads the versions of the installed packages. */
export function readVersions() {
	return {
		package: versionOf('../../package.json'),
		upstream: versionOf('../../node_modules/upstream/package.json'),
		upstreamOld: versionOf('../../node_modules/upstream-0-1/package.json'),
		upstreamRedis: versionOf('../node_modules/@tmcp/session-manager-redis/package.json'),
		redisClient: versionOf('../node_modules/redis/package.json'),
		streamsAdapter: versionOf('../node_modules/@socket.io/redis-streams-adapter/package.json'),
		srvx: versionOf('../node_modules/srvx/package.json'),
		betterSse: versionOf('../node_modules/better-sse/package.json'),
		axum: /^axum = .*version = "=([^"]+)"/m.exec(read('../delivery/axum/Cargo.toml'))?.[1] ?? 'unknown',
	};
}

/**
 * Returns the table headings of the in-memory implementations.
 *
 * @param {Pick<Versions, 'package' | 'upstream' | 'upstreamOld'>} versions
 */
export function titlesOf(versions) {
	return {
		old: `upstream ${versions.upstreamOld}`,
		upstream: `upstream ${versions.upstream}`,
		ours: `this package ${versions.package}`,
		floor: 'the floor',
	};
}

/**
 * Returns the table headings of the channels into another thread.
 *
 * @param {Pick<Versions, 'package' | 'upstream' | 'upstreamOld'>} versions
 */
export function channelTitlesOf(versions) {
	const { upstream, ours, floor } = titlesOf(versions);
	return {
		broadcastChannel: `${upstream} by BroadcastChannel`,
		messagePort: `${upstream} by MessagePort`,
		ours,
		floor,
	};
}

/**
 * Returns the table headings of the Redis implementations.
 *
 * @param {Pick<Versions, 'package' | 'upstreamRedis' | 'redisClient'> & Partial<Versions>} versions
 */
export function redisTitlesOf(versions) {
	return {
		upstream: `session-manager-redis ${versions.upstreamRedis}`,
		pubSub: `pub/sub in JS (redis ${versions.redisClient})`,
		singleChannel: 'one channel in JS',
		streamsAdapter: `redis-streams-adapter ${versions.streamsAdapter}`,
		before: 'this package before',
		ours: `this package ${versions.package}`,
		threadWakeup: 'waking a thread',
	};
}

/**
 * Returns the table headings of the servers whose delivery is measured.
 *
 * @param {Pick<Versions, 'upstream' | 'redisClient' | 'betterSse' | 'axum'>} versions
 */
export function deliveryTitlesOf(versions) {
	return {
		upstream: `upstream ${versions.upstream}`,
		pubSub: `pub/sub in JS (redis ${versions.redisClient})`,
		ours: 'this package',
		native: 'native delivery',
		betterSse: `better-sse ${versions.betterSse}`,
		axum: `axum ${versions.axum}`,
	};
}

/** @param {string} path of a package.json */
function versionOf(path) {
	return JSON.parse(read(path)).version;
}

/** @param {string} path */
function read(path) {
	return readFileSync(new URL(path, import.meta.url), 'utf8');
}
