import fs from 'node:fs';
import { join, resolve } from 'node:path';
import t from 'tap';
import { createMetrics } from '../../src/observe/metrics.ts';
import { metricsPage } from '../../src/observe/metrics-page.ts';
import { allMetrics } from '../../src/observe/metrics-table.ts';

const root = resolve(import.meta.dirname, '../..');
const samples = (body: string) => body.split('\n').filter((line) => line.startsWith('egret_'));

t.test('docs/metrics.md is what the table prints', async (t) => {
  const page = fs.readFileSync(join(root, 'docs/metrics.md'), 'utf8');
  t.equal(page, metricsPage(), 'src/cli/egret config metrics > docs/metrics.md');
  for (const [name, { help, use }] of Object.entries(allMetrics)) {
    t.ok(page.includes(`| \`${name}\` |`), name);
    t.ok(help.length > 0 && use.length > 0, `${name} says what it is good for`);
  }
});

t.test('a label has the values of the table, and one word for all others', async (t) => {
  const metrics = createMetrics();
  for (let n = 0; n < 100; n++) {
    metrics.request('/token', `METHOD${n}`, 100 * n + 200, 0.1);
    metrics.event({ type: 'token.refused', outcome: `outcome-${n}`, code: `EG-9${n}`, count: 1 });
    metrics.provinceCall(`service-${n}`, `outcome-${n}`, 1);
  }
  const { body } = await metrics.scrape([]);
  const of = (name: string) => samples(body).filter((line) => line.startsWith(`${name}{`));
  // 2xx to 5xx, and whatever is no status
  t.equal(of('egret_requests_total').length, 5);
  t.strictSame(of('egret_events_total'), ['egret_events_total{type="token.refused",outcome="other",code="other"} 100']);
  t.strictSame(of('egret_province_calls_total'), ['egret_province_calls_total{service="other",outcome="other"} 100']);
});

t.test('an event counts for the attempts it stands for', async (t) => {
  const metrics = createMetrics();
  metrics.event({ type: 'token.refused', outcome: 'refused', code: 'EG-1602', count: 1 });
  metrics.event({ type: 'token.refused', outcome: 'refused', code: 'EG-1602', count: 9 });
  const { body } = await metrics.scrape([]);
  t.match(body, /^egret_events_total\{type="token.refused",outcome="refused",code="EG-1602"\} 10$/m);
});

t.test('a scrape waits a second at most, never fails, and says nothing of what it could not read', async (t) => {
  const metrics = createMetrics();
  const told = () => ({ egret_outbox_waiting: 3, egret_store_up: { records: 1 }, egret_audit_chained_total: 5 });
  const first = await metrics.scrape([told]);
  for (const line of ['egret_outbox_waiting 3', 'egret_store_up{store="records"} 1', 'egret_audit_chained_total 5'])
    t.ok(samples(first.body).includes(line), line);
  const again = await metrics.scrape([told]);
  t.ok(samples(again.body).includes('egret_audit_chained_total 5'), 'what is counted elsewhere is not counted twice');

  const begun = performance.now();
  const { body } = await metrics.scrape([
    () => new Promise(() => {}),
    () => Promise.reject(new Error('away')),
    () => {
      throw new Error('broken');
    },
    () => ({ egret_clients: 7 }),
  ]);
  t.ok(performance.now() - begun < 2_500);
  t.ok(samples(body).includes('egret_clients 7'), 'the others are told');
  t.notOk(
    samples(body).some((line) => /^egret_(outbox_waiting|store_up)/.test(line)),
    'and no old number',
  );
});
