// The first bytes of each stream. A client that has received them is registered.

export const GREETING = ': connected\n\n';
