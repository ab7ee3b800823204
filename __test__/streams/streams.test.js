// The drop-in contract of the stream managers. Every test also runs against upstream 0.3.0, and so proves what upstream does.
//
// Run: npm run test:js -- streams

import { testStreams } from '../suites/streams.js';
import { ours, upstream03 } from '../support/implementations.js';

for (const implementation of [...ours, upstream03]) testStreams(implementation);
