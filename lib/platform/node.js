// What the library uses of Node.js, Bun or Deno. `web.js` has the same for hosts without these modules. The field `imports`
// of package.json chooses one of the two as `#platform`.

export { AsyncLocalStorage } from 'node:async_hooks';
export { Buffer } from 'node:buffer';
export { channel } from 'node:diagnostics_channel';
// The object, not its functions, so that the mock timers of a test can replace them. The global functions cannot be used,
// because on some runtimes their timers have no `unref()`.
export { default as timers } from 'node:timers';
export { markAsUntransferable } from 'node:worker_threads';

/**
 * True on a runtime whose event loop sometimes sleeps on although native code has woken it. Deno 2.9 does: the wake-up is
 * then processed with the next event.
 */
export const losesWakeUps = process.versions.deno !== undefined;
