// An nginx of the tests' own, in front of a server of theirs, that gives that server's streams up when they bring nothing for
// a while. It listens on a socket file in a folder of its own, so that there is no port to be found. The binary is `nginx`, or
// what NGINX names.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

/** Debian's is in a folder that is in root's PATH only. */
const PATH = `${process.env.PATH}:/usr/sbin`;
const BINARY = process.env.NGINX || 'nginx';
const VERSION = spawnSync(BINARY, ['-V'], { env: { ...process.env, PATH }, encoding: 'utf8' });
const IS_THERE = VERSION.status === 0;
const MISSING = `there is no ${BINARY}: apt-get install nginx-light, or name the binary, NGINX=/path/to/it`;

/** Ends it, with its worker, and removes its folder when its input ends: with the process that started them, however. */
const WATCH = `trap '' HUP INT TERM
read -r server
read -r _
kill -TERM "$server" && while kill -0 "$server" 2>/dev/null; do sleep 0.1; done
rm -rf "$1"`;

/**
 * A test that needs it. Where there is none it is skipped, with a line that says how to get one; with CI=true that is no
 * reason, and {@link startNginx} fails.
 *
 * @param {string} name
 * @param {{ timeout: number }} options
 * @param {(test: import('node:test').TestContext) => Promise<void>} body
 */
export function testWithNginx(name, options, body) {
	if (IS_THERE || process.env.CI === 'true') test(name, options, body);
	else test(name, { skip: MISSING }, () => {});
}

/**
 * Starts it, and resolves when it takes connections. Whoever starts one ends it: `test.after(() => nginx.end())`.
 *
 * @param {number} port of the server behind it
 * @param {number} readTimeoutSeconds after which it gives up a stream that brings nothing
 */
export async function startNginx(port, readTimeoutSeconds) {
	if (!IS_THERE) throw new Error(MISSING);
	const folder = mkdtempSync(join(tmpdir(), 'nginx-'));
	const socketPath = join(folder, 'socket');
	const file = join(folder, 'nginx.conf');
	writeFileSync(file, configuration(folder, socketPath, port, readTimeoutSeconds));
	const watch = spawn('sh', ['-c', WATCH, 'sh', folder], { stdio: ['pipe', 'ignore', 'ignore'] });
	const gone = once(watch, 'close');
	const server = spawn(BINARY, ['-p', folder, '-c', file, '-e', 'stderr'], {
		env: { ...process.env, PATH },
		stdio: ['ignore', 'ignore', 'pipe'],
	});
	watch.stdin.write(`${server.pid}\n`);
	const ended = once(server, 'close');
	const nginx = {
		/** Where it listens. */
		socketPath,
		/** What it has logged. */
		log: '',
		/** Ends it, and removes its folder. */
		async end() {
			watch.stdin.end();
			await Promise.all([ended, gone]);
		},
	};
	await new Promise((resolve, reject) => {
		server.stderr.setEncoding('utf8').on('data', (text) => {
			nginx.log += text;
			// It listens by then.
			if (nginx.log.includes('start worker process ')) resolve(undefined);
		});
		ended.then(() => reject(new Error(`${BINARY} ended before it was ready:\n${nginx.log}`)), reject);
	});
	return nginx;
}

/**
 * @param {string} folder
 * @param {string} socketPath
 * @param {number} port
 * @param {number} readTimeoutSeconds
 */
function configuration(folder, socketPath, port, readTimeoutSeconds) {
	// The kinds of servers it was built for: each has a folder, elsewhere unless it is told.
	const kinds = ['proxy', 'fastcgi', 'uwsgi', 'scgi'].filter(
		(kind) => !VERSION.stderr.includes(`--without-http_${kind}`),
	);
	const folders = ['client_body', ...kinds].map((kind) => `${kind}_temp_path ${folder}/${kind};`);
	return `
daemon off;
${process.getuid?.() === 0 ? 'user root;' : ''}
worker_processes 1;
pid ${folder}/pid;
error_log stderr notice;
events {}
http {
	access_log off;
	${folders.join('\n\t')}
	server {
		listen unix:${socketPath};
		location / {
			proxy_pass http://127.0.0.1:${port};
			proxy_http_version 1.1;
			proxy_buffering off;
			proxy_read_timeout ${readTimeoutSeconds}s;
		}
	}
}
`;
}
