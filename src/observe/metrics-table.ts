import { catalogue } from '../errors.ts';
import { standings } from './health.ts';

/**
 * Every metric there is. The registry and `docs/metrics.md` are made of this table, and a scrape holds these names and
 * no other. A label has few values, all of them ours: nothing that a request brings becomes one.
 */
export interface Metric {
  readonly type: 'counter' | 'gauge' | 'histogram' | 'summary';
  readonly labels?: Readonly<Record<string, Label>>;
  readonly help: string;
  /** What an operator does with it. */
  readonly use: string;
  /** Counted by this process since it started, when nothing else is said; else asked of a store at the scrape. */
  readonly of?: 'the stores' | 'Node';
}

export interface Label {
  /** Anything else is counted as `other`. Absent: whoever counts has a table of its own. */
  readonly allowed?: readonly string[];
  /** The values, for the page. */
  readonly told: string;
}

const oneOf = (...allowed: string[]): Label => ({ allowed, told: allowed.map((each) => `\`${each}\``).join(' ') });
const told = (words: string, allowed?: readonly string[]): Label => ({ told: words, ...(allowed && { allowed }) });

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
const services = ['062', '103', 'X020', 'X090', 'SMS'];
const route = told("a route's pattern, or `unknown`");

const ours = {
  egret_build_info: {
    type: 'gauge',
    labels: { version: told('of this program'), node: told('of Node') },
    help: '1, with the versions that run.',
    use: 'Which version answers where, during an upgrade.',
  },
  egret_requests_total: {
    type: 'counter',
    labels: { route, method: oneOf(...methods, 'other'), status: oneOf('1xx', '2xx', '3xx', '4xx', '5xx') },
    help: 'Requests answered, by route, method and class of status.',
    use: 'Load, and the share of failures of each page and endpoint.',
  },
  egret_request_seconds: {
    type: 'histogram',
    labels: { route },
    help: 'Seconds to answer, by route.',
    use: 'Slow pages, before people say so.',
  },
  egret_events_total: {
    type: 'counter',
    labels: {
      type: told('a type of `src/audit/events.ts`'),
      outcome: oneOf('success', 'refused'),
      code: told('a code of [errors.md](errors.md), or `none`', [...Object.keys(catalogue), 'none']),
    },
    help: 'Audit events handed to the trail, by type, outcome and code; repeated attempts each.',
    use: 'Sign-ins, refusals, codes sent, tokens issued: what the gateway did, and to how many it said no, and why.',
  },
  egret_province_calls_total: {
    type: 'counter',
    labels: { service: oneOf(...services), outcome: oneOf('ok', 'refused', 'later', 'outage', 'not-asked') },
    help: 'Questions to the province: answered, refused, put off (3xxx), not answered, or not asked at all.',
    use: 'Whether the province serves us. `not-asked`: the breaker was open, or we back off.',
  },
  egret_province_call_seconds: {
    type: 'histogram',
    labels: { service: oneOf(...services) },
    help: 'Seconds that the province took to answer, by service.',
    use: 'A province that slows down, before the breaker opens.',
  },
  egret_breaker_open: {
    type: 'gauge',
    labels: { peer: oneOf('province', 'sms') },
    help: '1 while the breaker of this peer is open: it is not asked.',
    use: 'Real names and provincial sign-in, or SMS, are paused.',
  },
  egret_departments_resting: {
    type: 'gauge',
    help: 'Hosts of departments that did not answer five times in a row and are left alone for ten seconds at a time.',
    use: 'Departments that are not told of sign-outs.',
  },
  egret_store_up: {
    type: 'gauge',
    labels: { store: oneOf('records', 'state') },
    help: '1 while the store answers this process and takes writes: PostgreSQL (records), protocol state.',
    use: 'Which store is away, and from which process.',
    of: 'the stores',
  },
  egret_ready: {
    type: 'gauge',
    help: '1 while this process may be sent requests (`/readyz` answers 200).',
    use: 'How many processes serve.',
    of: 'the stores',
  },
  egret_standing: {
    type: 'gauge',
    labels: { reason: oneOf(...Object.keys(standings)) },
    help: '1 for how this process stands with its stores, in the words of `/readyz`, 0 for every other way.',
    use: 'Why it does not serve, or only who is signed in.',
    of: 'the stores',
  },
  egret_outbox_waiting: {
    type: 'gauge',
    help: 'Messages (SMS, logout notices) that wait to be delivered, of all processes.',
    use: 'A queue that grows: a receiver or the SMS service is away.',
    of: 'the stores',
  },
  egret_outbox_oldest_seconds: {
    type: 'gauge',
    help: 'Age of the oldest message that waits.',
    use: 'How long somebody has waited for a notice; a message lives a day.',
    of: 'the stores',
  },
  egret_outbox_attempts_total: {
    type: 'counter',
    labels: { outcome: oneOf('delivered', 'retried', 'dead') },
    help: 'Attempts to deliver a message that ended, by what came of them.',
    use: '`dead` means that a department or a person was never told.',
  },
  egret_audit_unchained: {
    type: 'gauge',
    help: 'Audit events in the records that are not chained yet, of all processes; 100,000 at most are counted.',
    use: 'Whether the chain keeps up.',
    of: 'the stores',
  },
  egret_audit_unchained_seconds: {
    type: 'gauge',
    help: 'Age of the oldest event that is not chained.',
    use: 'Above a few seconds nobody chains: somebody may have cut or forged the end of the trail.',
    of: 'the stores',
  },
  egret_audit_chained_total: {
    type: 'counter',
    help: 'Events chained by this process.',
    use: 'Which process does the chaining.',
  },
  egret_audit_rejected_total: {
    type: 'counter',
    help: 'Events without a good MAC that this process found before it chained them.',
    use: 'Anything but 0 means that somebody wrote into the stores past the gateway.',
  },
  egret_audit_stream_waiting: {
    type: 'gauge',
    help: 'Audit events that stand beside protocol state and are not in the records yet.',
    use: 'Whether they are drained.',
    of: 'the stores',
  },
  egret_audit_stream_fullest: {
    type: 'gauge',
    help: 'The same, of the fullest of the 64 buckets; at 20000 a bucket refuses acts that it could not audit.',
    use: 'How much room is left before people are refused.',
    of: 'the stores',
  },
  egret_audit_stream_seconds: {
    type: 'gauge',
    help: 'Age of the oldest event that is not drained.',
    use: 'How far the records are behind the protocol state.',
    of: 'the stores',
  },
  egret_endings_heard_total: {
    type: 'counter',
    labels: { kind: oneOf('account', 'session', 'consent', 'visit') },
    help: 'Endings of sessions, accounts, consents and visits that this process read from the records.',
    use: 'The same on every process, or one does not hear.',
  },
  egret_endings_held: {
    type: 'gauge',
    help: 'Endings that this process holds in memory, to refuse what they ended.',
    use: 'Its memory: some 100 bytes each.',
  },
  egret_endings_age_seconds: {
    type: 'gauge',
    help: 'Seconds since this process last read the endings.',
    use: 'Above 2 it may not know that somebody signed out.',
  },
  egret_hashes_waiting: {
    type: 'gauge',
    help: 'Passwords that wait for their turn to be hashed.',
    use: 'At the limit (`accounts.hashes_waiting`) sign-ins are told EG-1701.',
  },
  egret_key_epoch: {
    type: 'gauge',
    help: 'The epoch of keys in force here.',
    use: 'The same on every process within two seconds of a rotation.',
  },
  egret_key_age_seconds: {
    type: 'gauge',
    help: 'Seconds since this process last knew its keys to be the latest.',
    use: 'Above 10 it is not ready.',
  },
  egret_clients: {
    type: 'gauge',
    help: 'Clients that are not stopped.',
    use: 'A client that was stopped, or lost.',
  },
} as const satisfies Record<string, Metric>;

const process = (type: Metric['type'], help: string, use: string, labels?: Metric['labels']): Metric => ({
  type,
  help,
  use,
  of: 'Node',
  ...(labels && { labels }),
});
const memory = 'Memory: what a process takes, and whether it grows.';
const loop = 'A process too busy to answer in time.';
const open = 'What is held open: sockets, timers, files.';
const kind = { type: told("a kind of Node's") };

/** What prom-client tells of every Node process. Node and Linux bound their labels. */
const ofNode = {
  process_cpu_user_seconds_total: process('counter', 'Processor time spent in the program.', 'Load, and sizing.'),
  process_cpu_system_seconds_total: process('counter', 'Processor time spent in the system.', 'Load, and sizing.'),
  process_cpu_seconds_total: process('counter', 'Both together.', 'Load, and sizing.'),
  process_start_time_seconds: process('gauge', 'When the process started, seconds since the epoch.', 'Restarts.'),
  process_resident_memory_bytes: process('gauge', 'Resident memory.', memory),
  process_virtual_memory_bytes: process('gauge', 'Virtual memory.', memory),
  process_heap_bytes: process('gauge', "The process's data segment.", memory),
  process_open_fds: process('gauge', 'Open file descriptors.', open),
  process_max_fds: process('gauge', 'How many may be open.', open),
  nodejs_eventloop_lag_seconds: process('gauge', 'Lag of the event loop at the scrape.', loop),
  nodejs_eventloop_lag_min_seconds: process('gauge', 'The least since the last scrape.', loop),
  nodejs_eventloop_lag_max_seconds: process('gauge', 'The most since the last scrape.', loop),
  nodejs_eventloop_lag_mean_seconds: process('gauge', 'The mean.', loop),
  nodejs_eventloop_lag_stddev_seconds: process('gauge', 'The standard deviation.', loop),
  nodejs_eventloop_lag_p50_seconds: process('gauge', 'The median.', loop),
  nodejs_eventloop_lag_p90_seconds: process('gauge', 'The 90th percentile.', loop),
  nodejs_eventloop_lag_p99_seconds: process('gauge', 'The 99th percentile.', loop),
  nodejs_active_resources: process('gauge', 'Resources that keep the loop alive, by kind.', open, kind),
  nodejs_active_resources_total: process('gauge', 'All of them.', open),
  nodejs_active_handles: process('gauge', 'Handles, by kind.', open, kind),
  nodejs_active_handles_total: process('gauge', 'All of them.', open),
  nodejs_active_requests: process('gauge', 'Requests of libuv, by kind.', open, kind),
  nodejs_active_requests_total: process('gauge', 'All of them.', open),
  nodejs_heap_size_total_bytes: process('gauge', 'Heap taken.', memory),
  nodejs_heap_size_used_bytes: process('gauge', 'Heap used.', memory),
  nodejs_external_memory_bytes: process('gauge', 'Buffers beside the heap.', memory),
  nodejs_heap_space_size_total_bytes: process('gauge', 'Heap taken, by space.', memory, { space: told('of V8') }),
  nodejs_heap_space_size_used_bytes: process('gauge', 'Heap used, by space.', memory, { space: told('of V8') }),
  nodejs_heap_space_size_available_bytes: process('gauge', 'Heap left, by space.', memory, { space: told('of V8') }),
  nodejs_version_info: process('gauge', '1, with the version of Node.', 'Upgrades.', {
    version: told('of Node'),
    major: told('of it'),
    minor: told('of it'),
    patch: told('of it'),
  }),
  nodejs_gc_duration_seconds: process('histogram', 'Pauses of the garbage collector.', loop, {
    kind: oneOf('major', 'minor', 'incremental', 'weakcb'),
  }),
} as const satisfies Record<string, Metric>;

export type MetricName = keyof typeof ours;
export const ownMetrics: Readonly<Record<MetricName, Metric>> = ours;
export const allMetrics: Readonly<Record<string, Metric>> = { ...ours, ...ofNode };
