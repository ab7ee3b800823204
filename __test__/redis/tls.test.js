// TLS: which certificates of a server are trusted, and the certificate that the client presents.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test as testOf } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import {
	RedisInfoSessionManager,
	RedisStreamSessionManager,
	RedisSubscriptionManager,
} from '@tmcp-native/session-manager/redis';

import { CertificateAuthority, hasOpenssl } from '../support/certificates.js';
import { FakeSentinel } from '../support/fake-sentinel.js';
import { describeWithRedisTls, startRedis } from '../support/redis.js';
import { newPrefix } from '../support/redis-managers.js';

/** @import { TestContext } from 'node:test' */
/** @import { Certificate } from '../support/certificates.js' */
/** @import { RedisServer } from '../support/redis.js' */

const test = (/** @type {string} */ name, /** @type {(t: TestContext) => unknown} */ what) =>
	testOf(name, { timeout: 60_000 }, what);
const MANAGERS = [RedisStreamSessionManager, RedisInfoSessionManager, RedisSubscriptionManager];
const PROGRAM = fileURLToPath(new URL('../programs/redis-ready.js', import.meta.url));
const URL_OF_NO_SERVER = 'rediss://127.0.0.1:1';

describe('the option tls', () => {
	for (const Manager of MANAGERS) {
		test(`of ${Manager.name} is checked, and no error contains what it is set to`, () => {
			/** @type {[any, string, RegExp][]} */
			const refused = [
				['secret', 'ERR_INVALID_ARG_TYPE', /option "tls" must be an object/],
				[null, 'ERR_INVALID_ARG_TYPE', /option "tls" must be an object/],
				[{ caa: 'secret' }, 'ERR_UNKNOWN_OPTION', /option "tls": there is no option "caa"; did you mean "ca"\?/],
				[{ ca: 1 }, 'ERR_INVALID_ARG_TYPE', /option "tls\.ca" must be a string or a Buffer in PEM format/],
				[{ ca: [1] }, 'ERR_INVALID_ARG_TYPE', /option "tls\.ca" must be a string or a Buffer in PEM format/],
				[{ ca: 'secret' }, 'ERR_INVALID_ARG_VALUE', /option "tls\.ca" must be one or more certificates in PEM format/],
				[{ ca: '' }, 'ERR_INVALID_ARG_VALUE', /option "tls\.ca" must be/],
				[{ ca: [] }, 'ERR_INVALID_ARG_VALUE', /option "tls\.ca" must be/],
				[{ cert: 'secret' }, 'ERR_INVALID_ARG_TYPE', /option "tls\.key" must be set when "tls\.cert" is set/],
				[{ key: 'secret' }, 'ERR_INVALID_ARG_TYPE', /option "tls\.cert" must be set when "tls\.key" is set/],
				[
					{ cert: 'secret', key: 'secret' },
					'ERR_INVALID_ARG_VALUE',
					/option "tls\.cert" must be one or more certificates/,
				],
				[{ servername: 1 }, 'ERR_INVALID_ARG_TYPE', /option "tls\.servername" must be a string/],
				[
					{ servername: 'a b' },
					'ERR_INVALID_ARG_VALUE',
					/option "tls\.servername" must be a host name or an IP address/,
				],
			];
			for (const [tls, code, message] of refused) {
				assert.throws(
					() => new Manager(URL_OF_NO_SERVER, { tls }),
					(/** @type {any} */ error) => {
						assert.equal(error.code, code, error.message);
						assert.match(error.message, message);
						assert.ok(error.message.startsWith(`${Manager.name}: `), error.message);
						if (typeof tls === 'object') assert.doesNotMatch(error.message, /secret/);
						return true;
					},
				);
			}
			assert.throws(() => new Manager('redis://127.0.0.1:1', { tls: {} }), {
				code: 'ERR_INVALID_ARG_VALUE',
				message: `${Manager.name}: option "tls" needs a URL that begins with rediss:// or rediss-sentinel://`,
			});
		});

		test(`of ${Manager.name} and each of its fields may be undefined`, async () => {
			const prefix = newPrefix();
			const all = { ca: undefined, cert: undefined, key: undefined, servername: undefined };
			for (const tls of [undefined, {}, all]) {
				await new Manager(URL_OF_NO_SERVER, { prefix, tls, commandTimeoutMs: 10 }).close();
			}
		});

		for (const url of [
			'rediss://127.0.0.1:1/#insecure',
			'rediss://127.0.0.1:1#insecure',
			'valkeys://a:secret@b/1#INSECURE',
		]) {
			test(`${Manager.name} refuses ${url.replace(':secret', '')}, because certificates are always checked`, () => {
				assert.throws(
					() => new Manager(url),
					(/** @type {any} */ error) => {
						assert.equal(error.code, 'ERR_INVALID_ARG_VALUE');
						assert.match(error.message, /"url" must not end with #insecure.*"tls\.ca"/);
						assert.doesNotMatch(error.message, /secret/);
						return true;
					},
				);
			});
		}
	}
});

if (!hasOpenssl && process.env.CI !== 'true') testOf('TLS', { skip: 'there is no openssl' }, () => {});
else
	describeWithRedisTls('over TLS', () => {
		/** @type {string} */
		let folder;
		/** @type {CertificateAuthority} */
		let authority;
		/** @type {CertificateAuthority} */
		let another;
		/** @type {Record<'server' | 'expired' | 'selfSigned' | 'client' | 'client of another', Certificate>} */
		let certificates;
		/** @type {{ close: () => Promise<void> }[]} */
		const managers = [];
		/** @type {RedisServer[]} */
		const servers = [];

		before(() => {
			folder = mkdtempSync(join(tmpdir(), 'certificates-'));
			authority = new CertificateAuthority(folder);
			another = new CertificateAuthority(folder, 'another');
			certificates = {
				server: authority.issue('server'),
				expired: authority.issue('expired', ['-days', '0']),
				selfSigned: authority.selfSigned('self-signed'),
				client: authority.issue('client'),
				'client of another': another.issue('client-of-another'),
			};
		});
		after(async () => {
			await Promise.all(managers.map((manager) => manager.close()));
			await Promise.all(servers.map((server) => server.end()));
			rmSync(folder, { recursive: true });
		});

		/**
		 * Starts a server, and resolves with its URL.
		 *
		 * @param {Certificate} certificate
		 * @param {'yes' | 'no'} [wantsClientCertificate]
		 */
		async function start({ certFile, keyFile }, wantsClientCertificate = 'no') {
			const files = ['--tls-cert-file', certFile, '--tls-key-file', keyFile, '--tls-ca-cert-file', authority.certFile];
			const redis = await startRedis({
				args: (port) => ['--tls-port', String(port + 1), ...files, '--tls-auth-clients', wantsClientCertificate],
			});
			servers.push(redis);
			return `rediss://127.0.0.1:${redis.port + 1}`;
		}

		/**
		 * @param {string} url
		 * @param {any} tls
		 * @param {string} [prefix]
		 */
		function open(url, tls, prefix = newPrefix()) {
			const streams = new RedisStreamSessionManager(url, { prefix, tls, commandTimeoutMs: 5_000 });
			managers.push(streams);
			return streams;
		}

		/**
		 * @param {string} url
		 * @param {any} tls
		 * @param {string} code
		 * @param {RegExp} [message]
		 */
		async function assertRefused(url, tls, code, message = /./) {
			const streams = new RedisStreamSessionManager(url, { prefix: newPrefix(), tls, commandTimeoutMs: 1_000 });
			managers.push(streams);
			await assert.rejects(streams.ready(), (/** @type {any} */ error) => {
				assert.equal(error.cause.code, code, error.message);
				assert.match(error.cause.message, message);
				assert.ok(error.message.includes(error.cause.message));
				return true;
			});
			assert.equal(streams.stats().backplane.lastError?.code, code);
		}

		test('messages arrive when the authority of the server is in tls.ca, as a string, a Buffer or an array', async () => {
			const url = await start(certificates.server);
			const prefix = newPrefix();
			const a = open(url, { ca: authority.cert }, prefix);
			const b = open(`${url}/0`, { ca: [Buffer.from(another.cert), Buffer.from(authority.cert)] }, prefix);
			await Promise.all([a.ready(), b.ready()]);
			const received = new Promise((resolve) => b.create('b', { enqueue: resolve }));
			await b.flush();
			await a.send(['b'], 'over TLS');
			assert.equal(new TextDecoder().decode(await received), 'over TLS');
			await open(url, { ca: new TextEncoder().encode(authority.cert) }).ready();
		});

		test('the connection fails with a code of Node.js when the certificate of the server is not trusted', async () => {
			const ca = authority.cert;
			const url = await start(certificates.server);
			await assertRefused(url, undefined, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE');
			await assertRefused(url, { ca: another.cert }, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE');
			await assertRefused(url, { ca, servername: 'elsewhere.test' }, 'ERR_TLS_CERT_ALTNAME_INVALID');
			await assertRefused(await start(certificates.selfSigned), { ca }, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE');
			await assertRefused(await start(certificates.expired), { ca }, 'CERT_HAS_EXPIRED');
		});

		test('the connection fails with a hint when the server does not use TLS', async () => {
			const redis = await startRedis();
			servers.push(redis);
			const url = redis.url.replace('redis:', 'rediss:');
			await assertRefused(url, undefined, 'ETIMEDOUT', /handshake within 750 ms; it may not use TLS$/);
		});

		test('a node finds a server through Sentinels that use TLS, too, and checks the certificates of both', async (t) => {
			const ca = authority.cert;
			const urlOf = async (/** @type {Certificate} */ ofServer, /** @type {Certificate} */ ofSentinel) => {
				const port = Number(new URL(await start(ofServer)).port);
				const sentinel = await new FakeSentinel(port, ofSentinel).start();
				t.after(() => sentinel.end());
				return `rediss-sentinel://${sentinel.host}#primary`;
			};
			const { server, selfSigned } = certificates;
			await open(await urlOf(server, server), { ca }).ready();
			await assertRefused(await urlOf(selfSigned, server), { ca }, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE');
			await assertRefused(await urlOf(server, selfSigned), { ca }, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE');
		});

		test('tls.servername replaces the host of the URL in the check of the certificate', async () => {
			await open(await start(certificates.server), { ca: authority.cert, servername: 'redis.test' }).ready();
		});

		test('a server that wants a certificate of the client gets tls.cert, and refuses other clients', async () => {
			const url = await start(certificates.server, 'yes');
			const { client, 'client of another': wrong } = certificates;
			const ca = authority.cert;
			await open(url, { ca, cert: client.cert, key: Buffer.from(client.key) }).ready();
			await assertRefused(url, { ca }, 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED');
			await assertRefused(url, { ca, cert: wrong.cert, key: wrong.key }, 'ERR_SSL_TLSV1_ALERT_UNKNOWN_CA');
		});

		test('a key that is not that of the certificate is refused by the constructor', () => {
			const { client, server } = certificates;
			assert.throws(() => open(URL_OF_NO_SERVER, { cert: client.cert, key: server.key }), {
				code: 'ERR_INVALID_ARG_VALUE',
				message: /option "tls\.key" must be the private key of the certificate in "cert"/,
			});
			assert.throws(() => open(URL_OF_NO_SERVER, { cert: client.cert, key: client.cert }), {
				code: 'ERR_INVALID_ARG_VALUE',
				message: /option "tls\.key" must be a private key in PEM format without a passphrase/,
			});
		});

		test('all managers of one URL and prefix use the tls of the first one, and another one is refused', async () => {
			const url = await start(certificates.server);
			const prefix = newPrefix();
			const ca = authority.cert;
			await open(url, { ca }, prefix).ready();
			await open(url, undefined, prefix).ready();
			await open(url, { ca: Buffer.from(ca) }, prefix).ready();
			for (const tls of [{ ca: another.cert }, { ca, servername: 'redis.test' }]) {
				for (const Manager of MANAGERS) {
					assert.throws(() => new Manager(url, { prefix, tls }), {
						code: 'ERR_INVALID_ARG_VALUE',
						message: new RegExp(`^${Manager.name}: option "tls" differs from the one that this process already uses`),
					});
				}
			}
		});

		test('NODE_EXTRA_CA_CERTS and SSL_CERT_FILE name files of further authorities', async () => {
			const url = await start(certificates.server);
			const { certFile } = authority;
			/** @type {[Record<string, string>, RegExp][]} */
			const cases = [
				[{ NODE_EXTRA_CA_CERTS: certFile }, /^ready$/],
				[{ SSL_CERT_FILE: certFile }, /^ready$/],
				[{ SSL_CERT_FILE: another.certFile, NODE_EXTRA_CA_CERTS: certFile }, /^ready$/],
				[{ SSL_CERT_FILE: another.certFile }, /^UNABLE_TO_VERIFY_LEAF_SIGNATURE /],
				[{ NODE_EXTRA_CA_CERTS: join(folder, 'missing.crt') }, /^UNABLE_TO_VERIFY_LEAF_SIGNATURE .*missing\.crt/],
			];
			for (const [env, expected] of cases) {
				const inherited = { ...process.env };
				for (const name of ['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'SSL_CERT_DIR']) delete inherited[name];
				const options = { env: { ...inherited, ...env } };
				const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM, url], options);
				assert.match(stdout.trim(), expected);
			}
		});
	});
