import { setTimeout as wait } from 'node:timers/promises';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Platform, Result, Service } from '../services/services.ts';
import { type Fault, type Faults, readHeader } from '../sim/faults.ts';
import { type Entry, masked, named } from '../sim/ledger.ts';
import { type Answer, instead, jsonType, retype, spoilBytes } from '../sim/spoil.ts';
import { seal, signingKey, unsealed } from './answers.ts';
import type { Json } from './envelope.ts';
import { createNonces } from './nonces.ts';
import { type Opened, openQuestion } from './questions.ts';

export interface GatewayOptions {
  readonly platform: Platform;
  readonly services: Readonly<Record<string, Service>>;
  readonly faults: Faults;
  readonly entryOf: (request: FastifyRequest) => Entry;
  /** Aborted when the program ends: nothing waits any longer. */
  readonly ending: AbortSignal;
}

/** The strict profile: `POST /gateway/v2/invoke` for every service but SMS, which has `POST /sms/send`. */
export function gateway(app: FastifyInstance, options: GatewayOptions): { reset(): void } {
  const { platform, services, faults, entryOf, ending } = options;
  const { state, clock, rates } = platform;
  const nonces = createNonces(clock);
  const earlier = new Map<string, Answer>();

  const serviceOf = (path: string, code: string): Service | undefined =>
    (code === 'SMS') === (path === '/sms/send') && Object.hasOwn(services, code) ? services[code] : undefined;

  async function handle(request: FastifyRequest, reply: FastifyReply, path: string) {
    const header = headerFault(request);
    if (header === 'unknown') return reply.code(400).send({ error: 'x-sim-fault names no fault.' });
    const mayBeClear = (code: string) => serviceOf(path, code)?.isPublic === true;
    const opened = openQuestion(request.body, { state, nonces, clock, mayBeClear });
    const service = opened.ok ? serviceOf(path, opened.serviceCode) : undefined;
    const person = opened.ok ? service?.person?.(opened.data) : undefined;
    const lastOne = opened.ok ? `${opened.caller.callerCode} ${opened.serviceCode}` : '';
    const fault = faults.pick(
      {
        header,
        caller: opened.caller?.callerCode,
        person: person?.key,
        own: person?.plays,
        requests: [opened.traceId, ...(opened.ok ? [String(opened.data.requestId ?? '')] : [])].filter(Boolean),
        service: opened.ok ? opened.serviceCode : undefined,
      },
      ({ kind }) => kind !== 'replay' || earlier.has(lastOne),
    );
    const entry = entryOf(request);
    note(entry, opened, person?.key, fault);

    if (fault && !fault.after) {
      if (fault.kind === 'hang') return reply.hijack();
      const answer = fault.kind === 'replay' ? earlier.get(lastOne) : isStatus(fault) ? instead(fault) : undefined;
      if (answer) return send(reply, answer);
    }
    const result = opened.ok ? work(opened, service) : opened;
    entry.code = result.code;
    const answer = write(result, opened, fault);
    if (fault?.kind === 'hang') return reply.hijack();
    if (fault?.kind === 'latency') await wait(fault.ms ?? 5_000, undefined, { signal: ending }).catch(() => {});
    if (!fault && opened.ok && result.code === '0000') earlier.set(lastOne, answer);
    return send(reply, spoilBytes(fault, answer));
  }

  function work(opened: Extract<Opened, { ok: true }>, service: Service | undefined): Result {
    const { caller, data } = opened;
    if (!service) return { code: '9999', msg: '没有这个服务' };
    if (!service.isPublic && !rates.ask(caller.callerCode)) return { code: '3001' };
    return service.run(data, caller.callerCode);
  }

  /** Signed whenever the caller is known; spoiled inside where the fault asks for it. */
  function write(result: Result | Extract<Opened, { ok: false }>, opened: Opened, fault: Fault | undefined): Answer {
    const now = clock.now();
    const key = signingKey(state.keys, now);
    const { code, msg } = result;
    const mixedUp = 'mixedUp' in result && fault?.kind === 'other-person' ? result.mixedUp?.() : undefined;
    const data = mixedUp ?? ('data' in result ? result.data : undefined);
    let answer: Json = unsealed({ code, msg, traceId: opened.traceId, timestamp: now, data }, key);
    if (fault?.kind === 'retyped') answer = retype(fault, answer);
    if (opened.caller)
      answer = seal(answer, opened.ok ? opened.callerKey : undefined, key, fault?.kind === 'bad-signature');
    return { status: 200, type: jsonType, body: Buffer.from(JSON.stringify(answer)) };
  }

  for (const path of ['/gateway/v2/invoke', '/sms/send'])
    app.post(path, (request, reply) => handle(request, reply, path));

  return { reset: () => earlier.clear() };
}

/** The fault a request asks for by its header. */
export function headerFault(request: FastifyRequest): Fault | undefined | 'unknown' {
  const header = request.headers['x-sim-fault'];
  return header === undefined ? undefined : (readHeader(String(header)) ?? 'unknown');
}

const isStatus = ({ kind }: Fault): boolean => /^\d+$/.test(kind);

export function send(reply: FastifyReply, { status, type, body }: Answer): FastifyReply {
  return reply.code(status).header('content-type', type).send(body);
}

function note(entry: Entry, opened: Opened, person: string | undefined, fault: Fault | undefined): void {
  entry.caller = opened.caller?.callerCode;
  if (opened.ok) {
    entry.service = opened.serviceCode.slice(0, 40);
    entry.asked = masked(opened.data);
  }
  entry.trace = opened.traceId;
  entry.person = person && named(person);
  entry.fault = fault?.kind;
}
