// A private certificate authority, made with openssl, and certificates that it issues.

import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** True when the tests can make certificates. */
export const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
const NAMES = 'subjectAltName=DNS:localhost,DNS:redis.test,IP:127.0.0.1';

/** @typedef {{ cert: string, key: string, certFile: string, keyFile: string }} Certificate */

/** A certificate authority. Its files are in the folder given. */
export class CertificateAuthority {
	#folder;
	#name;

	/**
	 * @param {string} folder
	 * @param {string} [name]
	 */
	constructor(folder, name = 'authority') {
		this.#folder = folder;
		this.#name = name;
		const { key, certificate } = this.#files(name);
		openssl('req', '-x509', ...KEY, '-keyout', key, '-out', certificate, '-subj', `/CN=${name}`, '-days', '2');
		this.certFile = certificate;
		this.cert = readFileSync(certificate, 'utf8');
	}

	/**
	 * Issues a certificate for localhost, 127.0.0.1 and redis.test.
	 *
	 * @param {string} name
	 * @param {string[]} [validity]
	 * @returns {Certificate}
	 */
	issue(name, validity = ['-days', '2']) {
		const { key, certificate, request, extensions } = this.#files(name);
		const authority = this.#files(this.#name);
		openssl('req', ...KEY, '-keyout', key, '-out', request, '-subj', `/CN=${name}`);
		writeFileSync(extensions, `${NAMES}\nbasicConstraints=CA:FALSE\n`);
		openssl(
			...['x509', '-req', '-in', request, '-CA', authority.certificate, '-CAkey', authority.key, '-CAcreateserial'],
			...['-out', certificate, ...validity, '-extfile', extensions],
		);
		return read(certificate, key);
	}

	/**
	 * Makes a certificate for the same names that is signed with its own key.
	 *
	 * @param {string} name
	 * @returns {Certificate}
	 */
	selfSigned(name) {
		const { key, certificate } = this.#files(name);
		const to = ['-keyout', key, '-out', certificate, '-subj', `/CN=${name}`, '-days', '2'];
		openssl('req', '-x509', ...KEY, ...to, '-addext', NAMES, '-addext', 'basicConstraints=critical,CA:FALSE');
		return read(certificate, key);
	}

	/** @param {string} name */
	#files(name) {
		const file = (/** @type {string} */ ending) => join(this.#folder, `${name}.${ending}`);
		return { key: file('key'), certificate: file('crt'), request: file('csr'), extensions: file('ext') };
	}
}

/**
 * @param {string} certFile
 * @param {string} keyFile
 */
function read(certFile, keyFile) {
	return { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8'), certFile, keyFile };
}

/** @param {string[]} args */
function openssl(...args) {
	execFileSync('openssl', args, { stdio: 'pipe' });
}
