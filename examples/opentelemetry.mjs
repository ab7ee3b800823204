// A tmcp server that exports metrics of its sessions with OpenTelemetry. It prints the metrics every ten seconds, and once
// more when it is stopped:
//
//   node scripts/setup.mjs examples && node examples/opentelemetry.mjs      (in the root folder; PORT, default 3000;
//                                                                            EXPORT_MS, default 10000)
//
// To send the metrics to a collector, to Prometheus or to a vendor, replace LineExporter with an exporter of OpenTelemetry,
// such as `new OTLPMetricExporter()` from `@opentelemetry/exporter-metrics-otlp-http`.

import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { InMemoryStreamSessionManager, InMemorySubscriptionManager } from '@tmcp/session-manager';
import { LineExporter } from './opentelemetry/line-exporter.mjs';
import { meterSessions } from './opentelemetry/session-metrics.mjs';
import { listen } from './support/http-listener.mjs';
import { createMcpServer } from './support/mcp-server.mjs';
import { numberFromEnv, serve } from './support/serve.mjs';

const EXPORT_MS = numberFromEnv('EXPORT_MS', 10_000);

await serve('opentelemetry.mjs', async (port) => {
	// With these limits, `slow` and `dead` are among the reasons for closed sessions.
	const streams = new InMemoryStreamSessionManager({ keepAliveMs: 15_000, maxQueuedBytes: 1_048_576 });
	const subscriptions = new InMemorySubscriptionManager();
	const { transport } = createMcpServer({ sessionManager: { streams }, subscriptionManager: subscriptions });
	const listener = await listen(transport, port, { managers: [streams, subscriptions] });

	const reader = new PeriodicExportingMetricReader({
		exporter: new LineExporter(),
		exportIntervalMillis: EXPORT_MS,
		exportTimeoutMillis: EXPORT_MS,
	});
	const provider = new MeterProvider({ readers: [reader] });
	const stopMetering = meterSessions(provider.getMeter('@tmcp-native/session-manager'), streams);

	return {
		about: 'An MCP server with metrics',
		url: listener.url,
		async close() {
			// First, so that the last export counts the sessions that end with the server.
			await listener.close();
			// Exports once more.
			await provider.shutdown();
			stopMetering();
		},
	};
});
