// What this package is called. The values are constants, because a bundle has no package.json of ours.

export const NAME = '@tmcp-native/session-manager';

/** The `version` of package.json. */
export const VERSION = '0.1.0';

/** The name under which other packages import it where it takes the place of upstream's package. */
export const REPLACED = '@tmcp/session-manager';

export const REPOSITORY = 'https://github.com/tmcp-native/session-manager';
