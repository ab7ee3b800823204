// srvx types its handler for HTTP/1 or HTTP/2, which `createServer` of node:http does not accept. Programs in JavaScript do
// not see that.

/** @see https://srvx.h3.dev */
export declare function toNodeHandler(
	handler: (request: Request) => Response | Promise<Response>,
): import('node:http').RequestListener;
