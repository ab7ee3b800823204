// The chaos run: starts everything, breaks Redis, waits until all agree again, and counts.

import { setTimeout as pass } from 'node:timers/promises';
import { monitorEventLoopDelay } from 'node:perf_hooks';

import { startBalancer } from '../../../examples/redis/support/balancer.mjs';
import { startRedis } from '../../support/redis.js';
import { BreakingProxy } from '../../support/redis-node/breaking-proxy.js';
import { newPrefix } from '../../support/redis-node/node.js';
import { randomNumbers } from '../../support/threads/random-numbers.js';
import { Agreement } from './agreement.js';
import { ChaosClient } from './client.js';
import { planFaults, run as runFault } from './faults.js';
import { Requests } from './requests.js';
import { ChaosServer } from './server.js';

/** @import { TestContext } from 'node:test' */

const SERVERS = 3;
const STEADY_CLIENTS = 6;
const RESTLESS_CLIENTS = 12;
/** Maximum pause of a client between two actions, in milliseconds. */
const PAUSE_MS = 400;
/** Maximum duration of a request, in milliseconds. */
const REQUEST_MS = 2_500;
/** Allowed growth of a server from the first third of the run to the last, in MiB. */
const GROWTH = { heap: 4, rss: 16 };
/** More problems of one run are counted, and not listed. */
const MAX_PROBLEMS = 30;

/**
 * @param {TestContext} t
 * @param {{ seed: number, only: RegExp, seconds: number }} options
 */
export async function runChaos(t, { seed, only, seconds }) {
	const began = performance.now();
	const random = randomNumbers(seed);
	/** @type {string[]} */
	const problems = [];
	let now = 'start';
	let unlisted = 0;
	const problem = (/** @type {string} */ what) => {
		if (problems.length === MAX_PROBLEMS) unlisted++;
		else problems.push(`${((performance.now() - began) / 1_000).toFixed(1)} s, ${now}: ${what}`);
	};

	// With `appendfsync always`, Redis loses nothing that it has accepted.
	const redis = await startRedis({ appendOnly: true, appendfsync: 'always' });
	t.after(() => redis.end());
	const proxies = Array.from({ length: SERVERS }, (_, index) => new BreakingProxy(redis.port, { seed: seed + index, cuts: 10 }));
	t.after(() => proxies.map((proxy) => proxy.end()));
	const prefix = newPrefix();
	const servers = await Promise.all(
		proxies.map(async (proxy, index) => new ChaosServer(String.fromCharCode(65 + index), await proxy.start(), prefix)),
	);
	t.after(() => Promise.all(servers.map((server) => server.kill())));
	await Promise.all(servers.map((server) => server.listens()));
	const balancer = await startBalancer(
		0,
		servers.map(({ port }) => port),
	);
	t.after(() => balancer.close());

	let hasEnded = false;
	let isStopping = false;
	let ended = 0;
	for (const { name, ended: end, ...server } of servers) {
		end.then(({ code, signal }) => {
			if (isStopping) return;
			hasEnded = true;
			ended++;
			const { output } = /** @type {ChaosServer} */ (servers.find((one) => one.name === name));
			problem(`server ${name} has ended with ${code ?? signal}: ${output.slice(-1_500)}`);
		});
	}

	const requests = new Requests();
	const clients = Array.from({ length: STEADY_CLIENTS + RESTLESS_CLIENTS }, (_, index) => {
		const isSteady = index < STEADY_CLIENTS;
		const name = `${isSteady ? 'steady' : 'restless'} ${index}`;
		return new ChaosClient(name, { origin: new URL(balancer.url).origin, requests, random, isSteady, problem });
	});
	t.after(() => Promise.all(clients.map((client) => client.leave())));
	await Promise.all(clients.map((client) => client.connect()));

	let failed = 0;
	let isPaused = false;
	/** @param {ChaosClient} client */
	async function actUntilPaused(client) {
		while (!isPaused && !hasEnded) {
			await pass(random(PAUSE_MS));
			try {
				await client.act();
			} catch (error) {
				if (hasEnded) return;
				failed++;
				problem(`${client.name}: ${error}`);
			}
		}
	}
	/** Lets the clients act during a function. @param {() => Promise<unknown>} what */
	async function withTraffic(what) {
		isPaused = false;
		await Promise.all(servers.map((server) => server.do('tick')));
		const acting = Promise.all(clients.map(actUntilPaused));
		await what();
		isPaused = true;
		await acting;
		await Promise.all(servers.map((server) => server.do('stopTicking')));
	}

	const agreement = new Agreement(servers, clients, problem);
	/** @type {{ at: number, memory: { rss: number, heap: number }[] }[]} */
	const samples = [];
	/** @type {number[]} */
	const agreedAfter = [];
	/** @type {string[]} */
	const faults = [];
	async function agree() {
		agreedAfter.push(await agreement.reach());
		for (const client of clients) client.agreed();
		samples.push({ at: performance.now() - began, memory: await Promise.all(servers.map((server) => server.do('memory'))) });
	}

	const lag = monitorEventLoopDelay({ resolution: 10 });
	lag.enable();
	try {
		now = 'before any fault';
		await withTraffic(() => pass(1_000));
		await agree();
		const end = began + seconds * 1_000;
		let plan = planFaults(random, SERVERS, only);
		while (!hasEnded) {
			const fault = plan.shift();
			if (fault === undefined) {
				plan = planFaults(random, SERVERS, only).filter(({ ms }) => performance.now() + ms < end);
				if (plan.length === 0) break;
				continue;
			}
			if (performance.now() + fault.ms > end) break;
			const where = fault.servers.map((server) => servers[server].name).join(', ');
			now = `${fault.kind}${where && ` (${where})`} for ${fault.ms} ms`;
			await withTraffic(async () => {
				await runFault({ redis, proxies, random }, fault);
				// The traffic goes on while the servers connect again.
				await pass(500);
			});
			now = `after: ${now}`;
			if (hasEnded) break;
			await agree();
			faults.push(`${now}; all agree after ${Math.round(agreedAfter.at(-1) ?? 0)} ms`);
		}
	} catch (error) {
		if (!hasEnded) problem(String(/** @type {Error} */ (error).stack));
	}
	lag.disable();

	now = 'end';
	const ran = performance.now() - began;
	const reports = hasEnded ? [] : await Promise.all(servers.map((server) => server.do('report')));
	isStopping = true;
	const stopped = performance.now();
	const ends = await Promise.all(servers.map((server) => server.stop()));
	const stoppedAfter = performance.now() - stopped;
	if (!hasEnded) {
		for (const [index, { code, signal }] of ends.entries()) {
			if (code !== 0) problem(`server ${servers[index].name} has stopped with ${code ?? signal}: ${servers[index].output.slice(-1_500)}`);
		}
	}
	await Promise.all(clients.map((client) => client.leave()));

	const tooLong = requests.done.filter(({ ms }) => ms > REQUEST_MS);
	for (const { what, ms, server, at } of tooLong)
		problem(`${what} of server ${server} took ${Math.round(ms)} ms, at ${((at - began) / 1_000).toFixed(1)} s`);
	const counts = sum(clients.map((client) => client.counts));
	const probes = sum(reports.flatMap(({ stream, registration }) => [stream, registration]));
	for (const [who, { missing, twice }] of Object.entries({ clients: counts, servers: probes })) {
		if (missing > 0) problem(`${missing} messages did not arrive at the ${who}`);
		if (twice > 0) problem(`${twice} messages arrived twice or late at the ${who}`);
	}
	const told = reports.flatMap(({ gaps }) => gaps).reduce((all, { missed }) => all + missed, 0);
	if (told > 0) problem(`onGap reported ${told} messages`);
	const growth = growthOf(samples);
	for (const [index, grown] of growth.entries()) {
		for (const what of /** @type {const} */ (['heap', 'rss'])) {
			if (grown[what] > GROWTH[what]) problem(`${what} of server ${servers[index].name} grew by ${grown[what].toFixed(1)} MiB`);
		}
	}
	if (unlisted > 0) problems.push(`${unlisted} more problems`);

	const ms = (/** @type {number} */ value) => `${Math.round(value)} ms`;
	const total = (/** @type {string} */ name) => reports.reduce((all, { backplane }) => all + backplane[name], 0);
	const statuses = new Map();
	for (const { status } of requests.done) statuses.set(status, (statuses.get(status) ?? 0) + 1);
	/** @type {[string, string | number][]} */
	const figures = [
		...faults.map((fault, index) => /** @type {[string, string]} */ ([`fault ${index + 1}`, fault])),
		['duration', `${(ran / 1_000).toFixed(1)} s`],
		['servers that ended', `${ended} of ${SERVERS}`],
		['servers stopped', `after ${ms(stoppedAfter)}, exit codes ${ends.map(({ code, signal }) => code ?? signal).join(', ')}`],
		['requests', [...statuses].map(([status, count]) => `${count} with status ${status || 'none'}`).join(', ')],
		['requests, median, 99 %, longest', [0.5, 0.99, 1].map((share) => ms(requests.within(share))).join(', ')],
		[`requests over ${ms(REQUEST_MS)}`, tooLong.length],
		['calls that failed', failed],
		['streams opened by clients', clients.reduce((all, client) => all + client.streams, 0)],
		['numbered messages sent', reports.reduce((all, { sent }) => all + 2 * sent, 0)],
		['… received by clients', `${counts.received}, ${counts.missing} missing, ${counts.twice} twice`],
		['… received by servers', `${probes.received}, ${probes.missing} missing, ${probes.twice} twice`],
		['… reported by onGap', told],
		['all agree after a fault, longest', ms(Math.max(...agreedAfter))],
		['connections lost', total('reconnects')],
		['repeated entries that readers dropped', total('duplicates')],
		['errors', JSON.stringify(reports.map(({ errors }) => errors))],
		['streams closed by servers', JSON.stringify(reports.map(({ closed }) => closed))],
		['heap growth', growth.map(({ heap }) => `${heap.toFixed(1)} MiB`).join(', ')],
		['resident memory growth', growth.map(({ rss }) => `${rss.toFixed(1)} MiB`).join(', ')],
		['resident memory', samples.map(({ memory }) => memory.map(({ rss }) => Math.round(rss / 2 ** 20)).join('/')).join(' ')],
		['longest delay of the test’s own event loop', ms(lag.max / 1e6)],
	];
	return { problems, figures };
}

/** @param {{ received: number, missing: number, twice: number }[]} counts */
function sum(counts) {
	const all = { received: 0, missing: 0, twice: 0 };
	for (const one of counts) {
		for (const name of /** @type {const} */ (['received', 'missing', 'twice'])) all[name] += one[name];
	}
	return all;
}

/**
 * Returns how much the memory of each server grew from the first third of the samples to the last, in MiB. An allocator reserves
 * memory in steps, so the least of each third counts.
 *
 * @param {{ memory: { rss: number, heap: number }[] }[]} samples
 */
function growthOf(samples) {
	const third = Math.floor(samples.length / 3);
	if (third === 0) return [];
	const least = (/** @type {number} */ server, /** @type {'rss' | 'heap'} */ name, /** @type {typeof samples} */ of) =>
		Math.min(...of.map(({ memory }) => memory[server][name]));
	return samples[0].memory.map((_, server) => {
		const grown = (/** @type {'rss' | 'heap'} */ name) =>
			(least(server, name, samples.slice(-third)) - least(server, name, samples.slice(0, third))) / 2 ** 20;
		return { rss: grown('rss'), heap: grown('heap') };
	});
}
