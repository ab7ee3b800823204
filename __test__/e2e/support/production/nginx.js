// Starts an nginx in front of a test server. It closes streams that send nothing for a while. It listens on a socket file in a
// folder of its own, so that it needs no free port. The binary is `nginx`, or the one that NGINX names.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

/** Debian installs nginx in a folder that only root has in PATH. */
const PATH = `${process.env.PATH}:/usr/sbin`;
const BINARY = process.env.NGINX || 'nginx';
const VERSION = spawnSync(BINARY, ['-V'], { env: { ...process.env, PATH }, encoding: 'utf8' });
const IS_INSTALLED = VERSION.status === 0;
const MISSING = `there is no ${BINARY}: apt-get install nginx-light, or name the binary, NGINX=/path/to/it`;

/** Ends nginx and its worker, and removes the folder, when its input ends. That also happens when the test process ends, in any way. */
const WATCH = `trap '' HUP INT TERM
read -r server
read -r _
kill -TERM "$server" && while kill -0 "$server" 2>/dev/null; do sleep 0.1; done
rm -rf "$1"`;

/**
 * Defines a test that needs nginx. Without a binary it is skipped, with a message that says how to install one. With CI=true it is
 * not skipped, and {@link startNginx} fails.
 *
 * @param {string} name
 * @param {{ timeout: number }} options
 * @param {(test: import('node:test').TestContext) => Promise<void>} body
 */
export function testWithNginx(name, options, body) {
	if (IS_INSTALLED || process.env.CI === 'true') test(name, options, body);
	else test(name, { skip: MISSING }, () => {});
}

/**
 * Starts nginx, and resolves when it accepts connections. The caller ends it: `test.after(() => nginx.end())`.
 *
 * @param {number} port port of the server behind nginx
 * @param {number} readTimeoutSeconds time without data after which nginx closes a stream
 */
export async function startNginx(port, readTimeoutSeconds) {
	if (!IS_INSTALLED) throw new Error(MISSING);
	const folder = mkdtempSync(join(tmpdir(), 'nginx-'));
	const socketPath = join(folder, 'socket');
	const file = join(folder, 'nginx.conf');
	writeFileSync(file, configuration(folder, socketPath, port, readTimeoutSeconds));
	const watch = spawn('sh', ['-c', WATCH, 'sh', folder], { stdio: ['pipe', 'ignore', 'ignore'] });
	const removed = once(watch, 'close');
	const server = spawn(BINARY, ['-p', folder, '-c', file, '-e', 'stderr'], {
		env: { ...process.env, PATH },
		stdio: ['ignore', 'ignore', 'pipe'],
	});
	watch.stdin.write(`${server.pid}\n`);
	const ended = once(server, 'close');
	const nginx = {
		/** The socket file on which it listens. */
		socketPath,
		/** Its log. */
		log: '',
		/** Ends nginx, and removes its folder. */
		async end() {
			watch.stdin.end();
			await Promise.all([ended, removed]);
		},
	};
	await new Promise((resolve, reject) => {
		server.stderr.setEncoding('utf8').on('data', (text) => {
			nginx.log += text;
			// It listens before this line is logged.
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
	// Each upstream module that nginx was built with needs a folder.
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
