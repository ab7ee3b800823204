// An exporter of OpenTelemetry metrics that prints lines for people: one for each metric, with histograms as averages. It
// leaves out zeros of metrics that have attributes.

import { AggregationTemporality, DataPointType } from '@opentelemetry/sdk-metrics';

/** @import { MetricData, PushMetricExporter, ResourceMetrics } from '@opentelemetry/sdk-metrics' */

/** @implements {PushMetricExporter} */
export class LineExporter {
	#print;

	/** @param {(text: string) => void} [print] */
	constructor(print = console.log) {
		this.#print = print;
	}

	/** @type {PushMetricExporter['export']} */
	export(metrics, done) {
		const time = new Date().toISOString().slice(11, 19);
		this.#print(`${time} UTC\n${linesOf(metrics).join('\n')}\n`);
		// ExportResultCode.SUCCESS
		done({ code: 0 });
	}

	/** Totals since the start, as `stats()` returns them. */
	selectAggregationTemporality() {
		return AggregationTemporality.CUMULATIVE;
	}

	async forceFlush() {}

	async shutdown() {}
}

/** @param {ResourceMetrics} metrics */
function linesOf({ scopeMetrics }) {
	const lines = scopeMetrics.flatMap(({ metrics }) => metrics.flatMap(pointsOf));
	const width = Math.max(0, ...lines.map(([name]) => name.length));
	return lines.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`);
}

/**
 * @param {MetricData} metric
 * @returns {[name: string, value: string][]}
 */
function pointsOf(metric) {
	const { name, unit } = metric.descriptor;
	if (metric.dataPointType === DataPointType.HISTOGRAM) {
		return metric.dataPoints.map(({ attributes, value: { count, sum = 0, min = 0, max = 0 } }) => {
			const [average, shortest, longest] = [sum / count, min, max].map((number) => number.toFixed(3));
			return [nameOf(name, attributes), `${count} × ${average} ${unit} (${shortest} to ${longest})`];
		});
	}
	const points = metric.dataPoints.filter(({ attributes, value }) => value !== 0 || isEmpty(attributes));
	return points.map(({ attributes, value }) => [
		nameOf(name, attributes),
		`${Number(value).toLocaleString('en')} ${unit}`,
	]);
}

/**
 * @param {string} name
 * @param {import('@opentelemetry/api').Attributes} attributes
 */
function nameOf(name, attributes) {
	return isEmpty(attributes) ? name : `${name} [${[...new Set(Object.values(attributes))].join(', ')}]`;
}

/** @param {object} attributes */
function isEmpty(attributes) {
	return Object.keys(attributes).length === 0;
}
