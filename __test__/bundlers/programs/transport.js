// Runs client.js against server.js in one process, and prints what the client received and on which core.

import { exchange } from './client.js';
import { respond } from './server.js';

async function main() {
	console.log(JSON.stringify(await exchange(respond)));
}

main();
