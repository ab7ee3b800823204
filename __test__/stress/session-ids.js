// What those that post and those that end share.

export const SCOPE = 'stress';
/** Of each sender. */
export const SURVIVORS = Array.from({ length: 10 }, (_, n) => n);
/** Ids that everybody creates and deletes, so that sessions go from thread to thread. */
export const SHARED = Array.from({ length: 10 }, (_, n) => `shared ${n}`);
