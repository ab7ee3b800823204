// Tests of what only the native addon has: scopes and the Redis managers.

import { isNative } from '@tmcp-native/session-manager';

/**
 * Options of a test or suite that needs the addon. Where the JavaScript core runs (`npm run test:fallback`), it is skipped and
 * listed with this reason. The other runs of the tests set TMCP_NATIVE=require, so that they never skip it.
 */
export const needsNative = { skip: !isNative && 'needs the native addon' };
