import fs from 'node:fs';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { type Metric, type MetricName, ownMetrics } from './metrics-table.ts';

/** Numbers by metric; of one with a label, by its value. What could not be read is absent. */
export type Reading = { readonly [name in MetricName]?: number | Readonly<Record<string, number>> };
/** Asked anew at each scrape. */
export type Read = () => Reading | Promise<Reading>;

/** What the audit trail was handed. */
export interface Seen {
  readonly type: string;
  readonly outcome: string;
  readonly code?: string;
  /** How many attempts the event stands for. */
  readonly count: number;
}

export interface Metrics {
  /** A finished request under its route's pattern, never its path. */
  request(route: string, method: string, status: number, seconds: number): void;
  event(seen: Seen): void;
  /** A question to the province; without `seconds`, one that was not asked. */
  provinceCall(service: string, outcome: string, seconds?: number): void;
  /** The text format of Prometheus, with what these could tell within a second. Never rejects. */
  scrape(reads: readonly Read[]): Promise<{ readonly type: string; readonly body: string }>;
}

/** Milliseconds that a scrape waits for the stores. */
const patience = 1_000;
const version = () =>
  (JSON.parse(fs.readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }).version;

export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 25 });
  const made = new Map(
    Object.entries<Metric>(ownMetrics).map(([name, metric]) => [name, make(registry, name, metric)]),
  );

  // a series is looked up by its labels once: the library joins and checks them anew for each
  const series = new Map<string, Counter.Internal | Histogram.Internal<string>>();
  const one = (name: MetricName, values: readonly string[]) => {
    const key = `${name}\n${values.join('\n')}`;
    let found = series.get(key);
    if (!found) {
      const labels = Object.entries(ownMetrics[name].labels ?? {});
      const within = labels.map(([, { allowed }], n) => {
        const value = values[n] ?? 'none';
        return !allowed || allowed.includes(value) ? value : 'other';
      });
      found = (made.get(name) as Counter | Histogram).labels(...within);
      series.set(key, found);
    }
    return found;
  };
  const count = (name: MetricName, values: readonly string[], by = 1) =>
    (one(name, values) as Counter.Internal).inc(by);
  const time = (name: MetricName, values: readonly string[], seconds: number) =>
    (one(name, values) as Histogram.Internal<string>).observe(seconds);

  (made.get('egret_build_info') as Gauge).set({ version: version(), node: process.version }, 1);

  function set(name: string, value: Reading[MetricName]): void {
    const metric = made.get(name) as Gauge | Counter;
    const [label] = Object.keys(ownMetrics[name as MetricName].labels ?? {});
    for (const [key, number] of typeof value === 'object' ? Object.entries(value) : [['', value ?? 0] as const]) {
      const labels = label === undefined ? {} : { [label]: key };
      if (metric instanceof Gauge) metric.set(labels, number);
      else metric.inc(labels, number);
    }
  }

  return {
    request(route, method, status, seconds) {
      count('egret_requests_total', [route, method, `${Math.floor(status / 100)}xx`]);
      time('egret_request_seconds', [route], seconds);
    },
    event: ({ type, outcome, code = 'none', count: by }) => count('egret_events_total', [type, outcome, code], by),
    provinceCall(service, outcome, seconds) {
      count('egret_province_calls_total', [service, outcome]);
      if (seconds !== undefined) time('egret_province_call_seconds', [service], seconds);
    },
    async scrape(reads) {
      const readings = await Promise.all(reads.map(inTime));
      // what is not there now must not go on saying what it was
      for (const [name, { type, of }] of Object.entries<Metric>(ownMetrics)) {
        const metric = made.get(name);
        const told = readings.find((reading) => name in reading) as Reading | undefined;
        if (metric && (told || (of && type === 'gauge'))) metric.reset();
        if (told) set(name, told[name as MetricName]);
        else if (of && metric instanceof Gauge && !ownMetrics[name as MetricName].labels) metric.remove();
      }
      return { type: registry.contentType, body: await registry.metrics() };
    },
  };
}

function make(registry: Registry, name: string, { type, help, labels = {} }: Metric): Counter | Gauge | Histogram {
  const options = { name, help, labelNames: Object.keys(labels), registers: [registry] };
  if (type === 'counter') return new Counter(options);
  if (type === 'gauge') return new Gauge(options);
  return new Histogram({ ...options, buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5] });
}

/** Nothing for what fails, or takes too long. */
async function inTime(read: Read): Promise<Reading> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Reading>((done) => {
    timer = setTimeout(done, patience, {});
  });
  const asked = (async () => read())().catch((): Reading => ({}));
  return Promise.race([asked, late]).finally(() => clearTimeout(timer));
}
