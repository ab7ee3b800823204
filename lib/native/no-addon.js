// `#native` on hosts that cannot load an addon: Cloudflare Workers, edge functions, browsers. (`addon.js` is the other one.)

import { NAME } from './package.js';

export const addon = undefined;

/** Why there is no addon. */
export const reason = `This host takes the build of ${NAME} for web APIs, which has no binary.`;

/** The error of the attempt to load the addon: there was none. @type {Error | undefined} */
export const failure = undefined;
