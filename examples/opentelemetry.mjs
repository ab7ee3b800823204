// A tmcp server whose sessions OpenTelemetry meters, left running to try it by hand. It prints the numbers every ten seconds
// (EXPORT_MS=), and once more when it is stopped:
//
//   node scripts/setup.mjs examples && node examples/opentelemetry.mjs      (from the root; PORT=3000 unless told otherwise)
//
// To send them to a collector, Prometheus or a vendor, put an exporter of OpenTelemetry in the place of ours:
// `new OTLPMetricExporter()` of `@opentelemetry/exporter-metrics-otlp-http`, for one.

import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { InMemoryStreamSessionManager } from '@tmcp/session-manager';
import { listen } from './support/http-listener.mjs';
import { LineExporter } from './opentelemetry/line-exporter.mjs';
import { createMcpServer } from './support/mcp-server.mjs';
import { serve } from './support/serve.mjs';
import { meterSessions } from './opentelemetry/session-metrics.mjs';

const { EXPORT_MS = '10000' } = process.env;

await serve('opentelemetry.mjs', async (port) => {
	// What a server has for clients of all kinds: `slow` and `dead` are among the reasons that are counted.
	const streams = new InMemoryStreamSessionManager({ keepAliveMs: 15_000, maxQueuedBytes: 1_048_576 });
	const { url, close } = await listen(createMcpServer({ sessionManager: { streams } }), port);

	const exportIntervalMillis = Number(EXPORT_MS);
	const reader = new PeriodicExportingMetricReader({
		exporter: new LineExporter(),
		exportIntervalMillis,
		exportTimeoutMillis: exportIntervalMillis,
	});
	const provider = new MeterProvider({ readers: [reader] });
	const stopMetering = meterSessions(provider.getMeter('@tmcp-native/session-manager'), streams);

	return {
		about: 'An MCP server that is metered',
		url,
		async close() {
			// Both before the last numbers: these have the sessions that end with the server, too.
			await streams.close();
			await close();
			// Exports once more.
			await provider.shutdown();
			stopMetering();
		},
	};
});
