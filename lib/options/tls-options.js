// The option `tls` of the Redis managers, with its checks.

import { invalidArgument, invalidValue } from '../errors.js';
import { checkTls } from '../native/binding.js';
import { invalidOption, readOptions } from './checks.js';

const NAMES = ['ca', 'cert', 'key', 'servername'];

/** URLs of servers with TLS. */
const TLS_URL = /^(rediss|valkeys)(-sentinel)?:/i;

/** URLs of Sentinels. Their fragment is a name. */
const SENTINEL_URL = /^\w+-sentinel:/i;

/** A fragment that turns off the check of certificates in other clients. */
const INSECURE = /#insecure$/i;

/**
 * Throws for a URL that wants no check of certificates. The message does not contain the URL, which may have a password.
 *
 * @param {unknown} url
 * @param {string} className
 */
export function checkInsecureUrl(url, className) {
	if (typeof url !== 'string' || !TLS_URL.test(url) || SENTINEL_URL.test(url) || !INSECURE.test(url)) return;
	throw invalidValue(
		`${className}: "url" must not end with #insecure, because the certificate of the server is always checked; pass the ` +
			'certificate of its authority in the option "tls.ca"',
	);
}

/**
 * Throws when the option `tls` differs from the one that the process already uses for this Redis server and prefix.
 *
 * @param {(string | undefined)[]} tls the option of a new manager
 * @param {(tls: (string | undefined)[]) => boolean} isInUse
 * @param {string} className
 */
export function checkSharedTls(tls, isInUse, className) {
	if (isInUse(tls)) return;
	throw invalidValue(
		`${className}: option "tls" differs from the one that this process already uses for this server and prefix; pass the ` +
			'same value to all managers, or only to the first',
	);
}

/**
 * Returns the option `tls` as `joinRedis` takes it: the texts of ca, cert, key and servername. No error contains one of them,
 * because they may be secret.
 *
 * @param {Record<string, unknown>} options
 * @param {string} url
 * @param {string} className
 * @returns {(string | undefined)[]}
 */
export function tlsOption({ tls }, url, className) {
	if (tls === undefined) return [];
	if (tls === null || typeof tls !== 'object' || Array.isArray(tls)) {
		throw invalidOption(className, 'tls', 'an object', tls);
	}
	if (!TLS_URL.test(url)) {
		throw invalidValue(`${className}: option "tls" needs a URL that begins with rediss:// or rediss-sentinel://`);
	}
	const { ca, cert, key, servername } = readOptions(tls, NAMES, `${className}: option "tls"`);
	if (servername !== undefined && typeof servername !== 'string') {
		throw invalidOption(className, 'tls.servername', 'a string', servername);
	}
	const texts = [
		Array.isArray(ca) ? ca.map((one) => text(one, 'ca', className)).join('\n') : text(ca, 'ca', className),
		text(cert, 'cert', className),
		text(key, 'key', className),
		servername,
	];
	if ((cert === undefined) !== (key === undefined)) {
		const [missing, set] = cert === undefined ? ['cert', 'key'] : ['key', 'cert'];
		throw invalidOption(className, `tls.${missing}`, `set when "tls.${set}" is set`, undefined);
	}
	const problem = checkTls?.(texts);
	if (problem) throw invalidValue(`${className}: option "tls.${problem[0]}" must be ${problem[1]}`);
	return texts;
}

/**
 * Returns a text in PEM format.
 *
 * @param {unknown} value
 * @param {string} name
 * @param {string} className
 */
function text(value, name, className) {
	if (value === undefined || typeof value === 'string') return value;
	if (ArrayBuffer.isView(value)) return new TextDecoder().decode(/** @type {Uint8Array<ArrayBuffer>} */ (value));
	throw invalidArgument(`${className}: option "tls.${name}" must be a string or a Buffer in PEM format`, value);
}
