// The scope and session ids that the sending threads and the ending threads share.

export const SCOPE = 'stress';
/** Numbers of the sessions that each sender keeps open. */
export const LASTING = Array.from({ length: 10 }, (_, n) => n);
/** Ids that all threads create and delete, so that sessions move from thread to thread. */
export const SHARED = Array.from({ length: 10 }, (_, n) => `shared ${n}`);
