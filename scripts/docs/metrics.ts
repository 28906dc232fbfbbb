import { metricTable } from '../../src/broker/metrics/metric-table.ts'
import type { MetricKind } from '../../src/broker/metrics/prometheus-text.ts'

const head = `# Metrics

<!-- Printed by \`npm run docs\` from src/broker/metrics/metric-table.ts. Do not edit. -->

The broker tells Prometheus what it counts:

\`\`\`sh
millrace dev                          # http://127.0.0.1:7070/metrics, beside the page
millrace serve --metrics-port 9404    # http://127.0.0.1:9404/metrics, and /health
\`\`\`

\`\`\`yaml
scrape_configs:
  - job_name: millrace
    static_configs:
      - targets: ['127.0.0.1:9404']
\`\`\`

Names are those that dashboards and alerts for Kafka know: of the JMX exporter with its example configuration for Kafka
(lower case), and of kafka_exporter; what those have no name for is \`millrace_broker_…\`. Like Kafka's own beans, counters
of topics are there twice: without a label for all topics together, and per topic. Write \`{topic!=""}\` where you add up.

A Millrace that runs against another cluster (\`brokers\`) has no broker to tell of, and no such page.

Only loopback is listened on. There is no login: let Prometheus scrape from the same machine, or put a proxy in front.
Topics and groups beyond the first 1,000 of each have no series of their own; counters of such topics are together in
\`topic="other"\`. All numbers start at 0 with the process. Reading them is one pass over partitions and groups in memory.

| metric | type | labels | means |
|---|---|---|---|
`

/** docs/reference/metrics.md. */
export function printMetrics(): string {
  const row = ([name, { help, labels, type }]: [string, MetricKind]): string =>
    `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${help.replaceAll('|', '\\|')} |\n`
  return head + Object.entries<MetricKind>(metricTable).map(row).join('')
}
