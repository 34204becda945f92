import { allMetrics, type Metric } from './metrics-table.ts';

/** `docs/metrics.md`: every metric with its kind, labels, meaning and use. */
export function metricsPage(): string {
  const cell = (text: string) => text.replaceAll('|', '\\|');
  const rows = (which: (metric: Metric) => boolean) =>
    Object.entries(allMetrics)
      .filter(([, metric]) => which(metric))
      .map(([name, { type, labels = {}, help, use }]) => {
        const shown = Object.entries(labels).map(([label, { told }]) => `\`${label}\`: ${told}`);
        return `| \`${name}\` | ${type} | ${[shown.join('; '), help, use].map(cell).join(' | ')} |`;
      });
  const head = ['| metric | type | labels | what it is | what it is good for |', '| --- | --- | --- | --- | --- |'];
  return [
    '# Metrics',
    '',
    'Made by `egret config metrics` from the table that the registry is made of; tests compare them, and a scrape with both.',
    "`GET /metrics` of the operators' listener, in the text format of Prometheus. Labels hold words of ours and nothing that a",
    'request brought; nobody is named. A histogram has `_bucket`, `_sum` and `_count`.',
    'Rules for alerts stand in `config/alerts.yaml`, what to do about each in [operate.md](operate.md#alerts).',
    '',
    '## Of this process',
    '',
    'Since it started, or at this moment: add them up over the processes, unless they are times.',
    '',
    ...head,
    ...rows(({ of }) => of === undefined),
    '',
    '## Of the stores',
    '',
    'Asked at the scrape, the same from every process: take the greatest. A scrape waits a second for them and never fails;',
    'what could not be read is absent.',
    '',
    ...head,
    ...rows(({ of }) => of === 'the stores'),
    '',
    '## Of Node',
    '',
    ...head,
    ...rows(({ of }) => of === 'Node'),
    '',
  ].join('\n');
}
