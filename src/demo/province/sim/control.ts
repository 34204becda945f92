import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { SettableClock } from '../clock.ts';
import { isReservedMobile, isReservedName, isReservedNumber } from '../people/guard.ts';
import { normaliseNumber } from '../people/identifiers.ts';
import { peoplePage } from '../people/people.view.ts';
import { poolPerson, poolSize } from '../people/pool.ts';
import type { Change, Row } from '../people/table.ts';
import { defaultSettings, readSettings } from '../services/rates.ts';
import type { Platform } from '../services/services.ts';
import { inboxPage } from '../sms/inbox.view.ts';
import { readCaller } from '../wire/callers.ts';
import { isJson } from '../wire/envelope.ts';
import { type Faults, readRule } from './faults.ts';
import type { Ledger } from './ledger.ts';

/** Everything under `/__sim/`: what is behind the curtain, for tests and for people who try the demonstration. */
export function control(
  app: FastifyInstance,
  options: { platform: Platform & { clock: SettableClock }; faults: Faults; ledger: Ledger; resetWire: () => void },
): void {
  const { platform, faults, ledger, resetWire } = options;
  const { clock, people, tickets, tokens, rates, inbox, state } = platform;
  const query = (request: FastifyRequest, name: string): string => {
    const value = (request.query as Record<string, unknown>)[name];
    return typeof value === 'string' ? value : '';
  };
  const wrong = (reply: FastifyReply, sentence: string, status = 400) => reply.code(status).send({ error: sentence });
  const html = (reply: FastifyReply, text: string) => reply.type('text/html; charset=utf-8').send(text);

  app.get('/__sim/inbox', (request, reply) => {
    const mobile = query(request, 'mobile');
    return html(reply, inboxPage({ messages: inbox.messages(mobile), mobile, refused: inbox.refused }));
  });
  app.get('/__sim/inbox.json', (request) => ({
    messages: inbox.messages(query(request, 'mobile')),
    refused: inbox.refused,
  }));

  app.get('/__sim/people', (request, reply) =>
    request.headers.accept?.includes('text/html') ? html(reply, peoplePage(people.all())) : { people: people.all() },
  );
  app.get('/__sim/pool', (request, reply) => {
    const [from, count] = [Number(query(request, 'from')), Number(query(request, 'n') || 1)];
    const fits = [from, count].every(Number.isSafeInteger) && from >= 0 && count >= 1 && from + count <= poolSize;
    if (!fits || count > 10_000) return wrong(reply, `n is 1 to 10000, from + n at most ${poolSize}.`);
    return { people: Array.from({ length: count }, (_, index) => people.byKey(poolPerson(from + index).key)) };
  });
  type ByKey = { Params: { key: string } };
  app.post<ByKey>('/__sim/people/:key', (request, reply) => {
    const change = readChange(request.body);
    if (typeof change === 'string') return wrong(reply, change);
    return people.change(request.params.key, change) ?? wrong(reply, 'There is no such person in the table.', 404);
  });
  app.post<ByKey>('/__sim/people/:key/later', (request, reply) => {
    const later = people.all().find(({ key }) => key === request.params.key)?.later;
    if (!later) return wrong(reply, 'Nothing changes about this person.', 404);
    return people.change(request.params.key, later);
  });
  app.delete<ByKey>(
    '/__sim/people/:key',
    (request, reply) => people.undo(request.params.key) ?? wrong(reply, 'There is no such person in the table.', 404),
  );

  app.get('/__sim/faults', () => ({ faults: faults.list() }));
  app.post('/__sim/faults', (request, reply) => {
    const rule = readRule(request.body);
    if (typeof rule === 'string') return wrong(reply, rule);
    if (rule.person === undefined) return reply.code(201).send(faults.add(rule));
    const person = personNamed(rule.person);
    if (!person) return wrong(reply, 'person is the key or the number of a test person.');
    return reply.code(201).send(faults.add({ ...rule, person: person.key }));
  });
  app.delete('/__sim/faults', (_request, reply) => {
    faults.remove();
    return reply.code(204).send();
  });
  app.delete<{ Params: { id: string } }>('/__sim/faults/:id', (request, reply) => {
    faults.remove(Number(request.params.id));
    return reply.code(204).send();
  });

  const time = () => ({ now: clock.now(), offsetMs: clock.offsetMs });
  app.get('/__sim/clock', time);
  app.post('/__sim/clock', (request, reply) => {
    const offsetMs = isJson(request.body) ? request.body.offsetMs : undefined;
    if (!Number.isSafeInteger(offsetMs) || Math.abs(Number(offsetMs)) > 100 * 365 * 86_400_000)
      return wrong(reply, 'offsetMs is a whole number of milliseconds, a hundred years at most.');
    clock.set(Number(offsetMs));
    return time();
  });

  app.get('/__sim/ledger', (request) => {
    const [caller, service] = [query(request, 'caller'), query(request, 'service')];
    const fits = (value: string | undefined, wanted: string) => !wanted || value === wanted;
    return { entries: ledger.entries().filter((one) => fits(one.caller, caller) && fits(one.service, service)) };
  });
  app.delete('/__sim/ledger', (_request, reply) => {
    ledger.reset();
    return reply.code(204).send();
  });

  app.get('/__sim/callers', () => ({ callers: state.callers() }));
  app.post('/__sim/callers', (request, reply) => {
    const caller = readCaller(request.body);
    if (typeof caller === 'string') return wrong(reply, caller);
    state.register(caller);
    return caller;
  });
  app.post('/__sim/keys/roll', () => {
    state.rollKeys();
    return { keyId: state.keys[0]?.keyId };
  });

  app.get('/__sim/settings', () => state.settings);
  app.post('/__sim/settings', (request, reply) => {
    const settings = readSettings(request.body, state.settings);
    if (typeof settings === 'string') return wrong(reply, settings);
    state.set(settings);
    return settings;
  });

  // Keys and callers stay: a caller that was registered goes on after it. So do nonces: once means once.
  app.post('/__sim/reset', (_request, reply) => {
    for (const room of [people, tickets, tokens, rates, inbox, ledger]) room.reset();
    faults.remove();
    clock.set(0);
    state.set(defaultSettings);
    resetWire();
    return reply.code(204).send();
  });

  function personNamed(name: string): Row | undefined {
    const number = normaliseNumber(name);
    return people.byKey(name) ?? (isReservedNumber(number) ? people.byNumber(number)[0] : undefined);
  }
}

/** A change of a test person; the guard holds here too. */
function readChange(body: unknown): Change | string {
  if (!isJson(body)) return 'A change is a JSON object.';
  const { name, mobile, level, ...rest } = body;
  if (Object.keys(rest).length) return 'Only name, mobile and level change.';
  if (name !== undefined && !(typeof name === 'string' && isReservedName(name)))
    return 'A name has 测试 or TEST in it.';
  if (mobile !== undefined && !(typeof mobile === 'string' && isReservedMobile(mobile)))
    return 'A mobile begins with 154.';
  if (level !== undefined && !(typeof level === 'string' && /^[0-3]$/.test(level))) return 'level is "0" to "3".';
  return JSON.parse(JSON.stringify({ name, mobile, level }));
}
