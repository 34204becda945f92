import fs from 'node:fs';
import { join, resolve } from 'node:path';
import t from 'tap';
import { parse } from 'yaml';
import { events } from '../../src/audit/audit.ts';
import { allMetrics } from '../../src/observe/metrics-table.ts';

const root = resolve(import.meta.dirname, '../..');
const read = (path: string) => fs.readFileSync(join(root, path), 'utf8');

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}
const file = parse(read('config/alerts.yaml')) as { groups: { name: string; rules: Rule[] }[] };
const rules = file.groups.flatMap(({ rules }) => rules);

const words = new Set(['by', 'without', 'on', 'ignoring', 'and', 'or', 'unless', 'bool', 'offset', 'le']);
const functions = new Set(['absent', 'sum', 'max', 'min', 'count', 'rate', 'increase', 'histogram_quantile']);
const metricOf = (name: string) => {
  const base = name.replace(/_(bucket|sum|count)$/, '');
  return allMetrics[name] ?? (allMetrics[base]?.type === 'histogram' ? allMetrics[base] : undefined);
};

/** What is wrong with an expression: a name that is no metric, a label or a value that its metric does not have. */
function problems(expr: string): string[] {
  const found: string[] = [];
  const known = new Set<string>();
  const bare = expr
    .replace(/([a-z_]+)\{([^}]*)\}/g, (_, name: string, inside: string) => {
      for (const [, label = '', regex, value = ''] of inside.matchAll(/(\w+)=(~?)"([^"]*)"/g)) {
        const { allowed } = metricOf(name)?.labels?.[label] ?? {};
        if (!metricOf(name)?.labels?.[label]) found.push(`${name} has no label ${label}`);
        const all = label === 'type' ? Object.keys(events) : allowed;
        for (const each of regex ? value.split('|') : [value])
          if (all && !all.includes(each)) found.push(`${label} is never ${each}`);
      }
      return name;
    })
    .replace(/\[\w+\]/g, '');
  const labels = [...bare.matchAll(/\b(?:by|without) \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(/, */));
  for (const [, name = '', call] of bare.matchAll(/([a-z_]\w*)(\s*\(|\s+by\b)?/g)) {
    if (call ? functions.has(name) || words.has(name) : words.has(name) || labels.includes(name)) continue;
    if (metricOf(name)) known.add(name);
    else found.push(`${name} is no metric`);
  }
  for (const label of labels)
    if (label !== 'le' && ![...known].some((name) => metricOf(name)?.labels?.[label]))
      found.push(`no metric has a label ${label}`);
  if (known.size === 0) found.push('no metric');
  const depth = [...expr].reduce((sum, mark) => sum + (mark === '(' ? 1 : mark === ')' ? -1 : 0), 0);
  if (depth !== 0) found.push('brackets');
  return found;
}

t.test('every expression asks for metrics, labels and values that there are', async (t) => {
  t.ok(rules.length > 20, `${rules.length} alerts`);
  for (const { alert, expr } of rules) t.strictSame(problems(expr), [], alert);
  for (const [wrong, said] of [
    ['max(egret_nothing) > 1', 'egret_nothing is no metric'],
    ['egret_store_up{stores="records"} == 0', 'egret_store_up has no label stores'],
    ['egret_store_up{store="postgres"} == 0', 'store is never postgres'],
    ['egret_events_total{type=~"sign-in.password|sign-in.guess"}', 'type is never sign-in.guess'],
    ['sum by (host) (egret_clients)', 'no metric has a label host'],
    ['egret_clients_bucket > 1', 'egret_clients_bucket is no metric'],
    ['1 > 0', 'no metric'],
  ] as const)
    t.ok(problems(wrong).includes(said), said);
});

t.test('every alert says how bad it is, what it is, and where to read on; every runbook is of an alert', async (t) => {
  const page = read('docs/operate.md');
  const section = /\n## Alerts\n([\s\S]*?)(?=\n## |$)/.exec(page)?.[1] ?? '';
  const books = new Map(
    section
      .split(/^### /m)
      .slice(1)
      .map((text) => [text.slice(0, text.indexOf('\n')), text]),
  );
  for (const { alert, labels, annotations } of rules) {
    t.match(alert, /^Egret[A-Z]\w+$/);
    t.ok(['critical', 'warning'].includes(labels.severity ?? ''), `${alert}: severity`);
    t.match(annotations.summary, /^[A-Z].*\.$/, `${alert}: summary`);
    t.equal(annotations.runbook, `docs/operate.md#${alert.toLowerCase()}`);
    const book = books.get(alert) ?? '';
    for (const part of ['It means', 'People', 'Look', 'Do']) t.ok(book.includes(`**${part}**`), `${alert}: ${part}`);
  }
  t.equal(new Set(rules.map(({ alert }) => alert)).size, rules.length);
  t.strictSame([...books.keys()].sort(), rules.map(({ alert }) => alert).sort());
});
