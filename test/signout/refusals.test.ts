import t from 'tap';
import { form, gateway } from '../provider/public-listener.ts';
import { until } from '../support/processes.ts';

/** A refused sign-out request is an attempt, and stands in the audit trail with nothing of what was sent. */
t.setTimeout(180_000);

type Own = Awaited<ReturnType<typeof gateway>>;
const events = (own: Own, type = 'sign-out.refused') =>
  own.database.sql<{ event: string }[]>`
    select event from (select event from audit_inbox union all select event from audit_log) e
    where event::jsonb ->> 'type' = ${type}`;

/** Lines of the log that warn of something at this route. */
const lines = (own: Own, route: string): string[] =>
  own
    .log()
    .split('\n')
    .filter((line) => line.includes(`"route":"${route}"`) && line.includes('"code":'));

t.test('refused sign-out requests are audited', async (t) => {
  const own = await gateway(t);
  const target = 'http://127.0.0.1:4205/evil-address';
  const forged = `${Buffer.from('{"alg":"ES256"}').toString('base64url')}.${Buffer.from('{"aud":"renshe"}').toString('base64url')}.evil-signature`;
  const ask = (fields: Record<string, string>) => own.send(`/session/end?${new URLSearchParams(fields)}`);
  const cases: readonly (readonly [string, string, string | undefined, () => ReturnType<typeof own.send>])[] = [
    ['hint', 'EG-1501', undefined, () => ask({ id_token_hint: forged })],
    ['target', 'EG-1501', 'haochaping', () => ask({ client_id: 'haochaping', post_logout_redirect_uri: target })],
    ['target', 'EG-1501', undefined, () => ask({ post_logout_redirect_uri: target })],
    ['client', 'EG-1501', undefined, () => ask({ client_id: 'evil-client' })],
    ['parameter', 'EG-1501', undefined, () => own.send('/session/end?client_id=renshe&client_id=yibao')],
    ['hint', 'EG-1501', 'renshe', () => own.send('/session/end', form({ client_id: 'renshe', id_token_hint: 'evil' }))],
  ];
  let count = 0;
  for (const [reason, code, client, send] of cases) {
    const answer = await send();
    t.match(answer.body, code, `${reason}: ${answer.status}`);
    t.notMatch(answer.headers.location, /evil/);
    count += 1;
    await until(async () => (await events(own)).length >= count);
    const found = (await events(own)).map(({ event }) => JSON.parse(event) as Record<string, unknown>);
    const last = found.filter(
      (event) =>
        (event.detail as { reason: string }).reason === reason && event.code === code && event.client === client,
    );
    t.ok(last.length > 0, `${reason} ${client ?? 'of nobody'}`);
    t.match(last[0], { outcome: 'refused' });
  }
  t.notMatch(JSON.stringify(await events(own)), /evil/, 'nothing of what was sent');
  await Promise.all(Array.from({ length: 300 }, () => ask({ client_id: 'evil-client' })));
  const told = cases.length + 300;
  await until(() => lines(own, '/session/end').length >= told);
  t.equal(lines(own, '/session/end').length, told, 'the log says each once');
  t.match(lines(own, '/session/end')[0], /"code":"EG-1501".*"reason":"hint"/, 'and why');
  const details = async () => (await events(own)).map(({ event }) => JSON.parse(event).detail as { count?: number });
  const total = async () => (await details()).reduce((sum, { count = 1 }) => sum + count, 0);
  await until(async () => (await total()) >= cases.length - 1 + 100);
  // on a machine so busy that all this took more than a minute, a few more
  t.ok((await details()).length <= cases.length + 6, 'nobody can write the trail full');
});

t.test('a form that is not ours is told once', async (t) => {
  const own = await gateway(t);
  const answer = await own.send('/sign-out', form({ choice: 'all' }, { origin: own.issuer }));
  t.match([answer.status, answer.body], [403, /EG-1003/]);
  // what was noted before it stands before it
  await own.send(`/session/end?${new URLSearchParams({ id_token_hint: 'evil' })}`);
  await until(async () => (await events(own)).length > 0 && lines(own, '/session/end').length > 0);
  const reasons = (await events(own)).map(({ event }) => JSON.parse(event).detail.reason as string);
  t.same(reasons, ['hint']);
  const forms = (await events(own, 'request.refused')).map(({ event }) => JSON.parse(event));
  t.match(forms, [{ code: 'EG-1003', detail: { reason: 'form-token', route: '/sign-out' } }]);
  t.equal(forms.length, 1);
  t.equal(lines(own, '/sign-out').length, 1, 'and in one line of the log');
});
