// Waits until all servers and clients of the chaos run agree, while no client acts: every stream has all messages, every server
// knows all sessions and what their clients have said, and a change of a note reaches each of its subscribers once.

import { setTimeout as pass } from 'node:timers/promises';

import { NOTES } from './shared.js';

/** @import { World } from './world.js' */

/** Maximum time until all agree, in milliseconds. */
const AGREE_MS = 10_000;
/** No event reports what another server knows. */
const POLL_MS = 25;
/** A stream that opens after the last numbered message gets no message. The servers send another one after this time. */
const AGAIN_MS = 1_000;

export class Agreement {
	#world;
	#problem;
	/** Time of the last numbered messages. */
	#announced = 0;

	/**
	 * @param {World} world
	 * @param {(problem: string) => void} problem called for each fact on which not all agree in time
	 */
	constructor(world, problem) {
		this.#world = world;
		this.#problem = problem;
	}

	/** Resolves with the time in milliseconds until all agree, or with `undefined` if they do not agree in time. */
	async reach() {
		const began = performance.now();
		const until = async (/** @type {() => Promise<string[]>} */ differences) => {
			for (;;) {
				const found = await differences();
				if (found.length === 0) return true;
				if (performance.now() - began > AGREE_MS) {
					for (const what of found.slice(0, 5)) this.#problem(`not all agree after ${AGREE_MS} ms: ${what}`);
					return false;
				}
				await pass(POLL_MS);
			}
		};
		const messages = async () => {
			if (performance.now() - this.#announced > AGAIN_MS) await this.#announce();
			return this.#messages();
		};
		const isAgreed =
			(await until(() => this.#connections())) && (await until(messages)) && (await until(() => this.#knowledge()));
		if (isAgreed && (await this.#changes(until))) return performance.now() - began;
	}

	/** Lets each server send a numbered message. */
	#announce() {
		this.#announced = performance.now();
		return this.#world.do('announce');
	}

	async #connections() {
		const reports = await this.#world.do('report');
		const servers = reports.flatMap(({ backplane: { connected, pendingBytes } }, index) => {
			if (connected && pendingBytes === 0) return [];
			const { name } = this.#world.servers[index];
			return [`server ${name} is ${connected ? '' : 'not '}connected, and ${pendingBytes} bytes wait`];
		});
		const clients = this.#world.clients.filter(({ numbers }) => numbers === undefined);
		const sizes = reports.map(({ size }) => size);
		// One of each client, and one of each server.
		const streams = this.#world.clients.length + this.#world.servers.length;
		const open = sizes.reduce((all, size) => all + size, 0);
		return [
			...servers,
			...clients.map(({ name }) => `${name} has no stream`),
			...(open === streams ? [] : [`the servers have ${sizes.join(', ')} streams, ${streams} in all are expected`]),
		];
	}

	async #messages() {
		const reports = await this.#world.do('report');
		const readers = [
			...reports.flatMap(({ stream, registration }, index) => [
				{ who: `the stream of server ${this.#world.servers[index].name}`, last: stream.last },
				{ who: `the registration of server ${this.#world.servers[index].name}`, last: registration.last },
			]),
			...this.#world.clients.map(({ name, numbers }) => ({
				who: `the stream of ${name}`,
				last: numbers?.report().last ?? {},
			})),
		];
		return readers.flatMap(({ who, last }) =>
			reports.flatMap(({ sent }, index) => {
				const { name } = this.#world.servers[index];
				return last[name] === sent ? [] : [`${who} has ${last[name]} of ${sent} messages of server ${name}`];
			}),
		);
	}

	async #knowledge() {
		const answers = await this.#world.do(
			'knows',
			this.#world.clients.map(({ session }) => session),
		);
		return answers.flatMap(({ sessions, subscribers }, index) => {
			const { name } = this.#world.servers[index];
			return this.#world.clients.flatMap((client, number) => {
				const { exists, client: called, level } = sessions[number];
				const wrong = [];
				if (!exists) wrong.push(`server ${name} does not know the session of ${client.name}`);
				if (called !== client.name) wrong.push(`server ${name} takes ${client.name} for ${called}`);
				if (level !== client.level)
					wrong.push(`server ${name} has the level ${level} of ${client.name}, not ${client.level}`);
				for (const [note, uri] of NOTES.entries()) {
					const watches = subscribers[note].includes(client.session);
					if (watches !== client.watched.has(uri))
						wrong.push(`server ${name} believes that ${client.name} ${watches ? 'watches' : 'does not watch'} ${uri}`);
				}
				return wrong;
			});
		});
	}

	/**
	 * Lets each server change each note.
	 *
	 * @param {(differences: () => Promise<string[]>) => Promise<boolean>} until
	 */
	async #changes(until) {
		const before = this.#world.clients.map(({ updates }) => new Map(updates));
		for (const uri of NOTES) await this.#world.do('touch', uri);
		const differences = async () =>
			this.#world.clients.flatMap(({ name, updates, watched }, index) =>
				NOTES.flatMap((uri) => {
					const received = (updates.get(uri) ?? 0) - (before[index].get(uri) ?? 0);
					const wanted = watched.has(uri) ? this.#world.servers.length : 0;
					return received === wanted ? [] : [`${name} has ${received} of ${wanted} changes of ${uri}`];
				}),
			);
		if (!(await until(differences))) return false;
		// A message keeps its order: what arrives twice has arrived before a later message.
		await this.#announce();
		if (!(await until(() => this.#messages()))) return false;
		for (const what of await differences()) this.#problem(`a change arrived twice: ${what}`);
		return true;
	}
}
