// The stream manager behind a real HTTP server.

import { InMemoryStreamSessionManager } from '@tmcp-native/session-manager';

import { testHttp } from '../suites/http.js';

testHttp({ make: () => new InMemoryStreamSessionManager() });
