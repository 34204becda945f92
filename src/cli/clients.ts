import { resolve } from 'node:path';
import { type Change, type ClientRecord, readDefinitions } from '../clients/clients.ts';
import { EgretError } from '../errors.ts';
import { columns, fields } from './print.ts';
import { byCommandLine, type Call, type Report, type Verb } from './verb.ts';

/** Words of the audit trail; nothing that somebody typed. */
const reasons = ['request', 'incident', 'maintenance', 'retired'] as const;

export const verbs: Readonly<Record<string, Verb>> = {
  list: {
    about: 'Every client, with its state.',
    example: 'egret clients list',
    reads: true,
    async run(call) {
      const all = [...(await snapshot(call)).values()];
      return {
        data: all.map(({ clientId, name, state, kind, auth }) => ({ clientId, name, state, kind, auth })),
        lines: columns(
          ['client', 'state', 'kind', 'authentication', 'name'],
          all.map(({ clientId, state, kind, auth, name }) => [clientId, state, kind, auth, name.zh]),
          'there are no clients: `egret clients apply`',
        ),
      };
    },
  },
  show: {
    about: 'One client as it is in force; of its secrets only how many there are.',
    example: 'egret clients show renshe --json',
    args: ['CLIENT'],
    reads: true,
    async run(call) {
      const record = (await snapshot(call)).get(call.args[0] ?? '');
      if (!record) throw unknown(call);
      const data = shown(record);
      return {
        data,
        lines: fields(
          Object.fromEntries(
            Object.entries(data).map(([name, value]) => [
              name,
              value === undefined || typeof value === 'string' ? value : JSON.stringify(value),
            ]),
          ),
        ),
      };
    },
  },
  diff: {
    about: 'What `apply` would change, from these files or folders, or from the configured folder.',
    example: 'egret clients diff my-department.yaml',
    args: ['[PATH…]'],
    reads: true,
    async run(call) {
      const { clients } = await inside(call);
      return changes(await clients.diff(await definitions(call)), 'would be ');
    },
  },
  apply: {
    about:
      'Writes the definitions of these files or folders, or of the configured folder; other clients stay as they are.',
    example: 'egret clients apply my-department.yaml',
    args: ['[PATH…]'],
    async run(call) {
      const found = await definitions(call);
      const { clients, operator } = await inside(call);
      return changes(await clients.apply(found, byCommandLine, operator), '');
    },
  },
  stop: {
    about: `Refuses a client everywhere within a second. WORD: ${reasons.join(', ')}.`,
    example: 'egret clients stop yibao --reason incident',
    args: ['CLIENT'],
    options: { reason: { type: 'string', default: 'request' } },
    shown: '[--reason WORD]',
    async run(call) {
      const reason = String(call.values.reason);
      if (!(reasons as readonly string[]).includes(reason))
        throw new EgretError('EG-1902', { log: `--reason is one of ${reasons.join(', ')}` });
      const { clients, operator } = await inside(call);
      if (!(await clients.stopClient(call.args[0] ?? '', reason, operator))) throw await notChanged(call, 'stopped');
      return { lines: [`${call.args[0]} is stopped`] };
    },
  },
  start: {
    about: 'Lets a stopped client work again.',
    example: 'egret clients start yibao',
    args: ['CLIENT'],
    async run(call) {
      const { clients, operator } = await inside(call);
      if (!(await clients.startClient(call.args[0] ?? '', operator))) throw await notChanged(call, 'active');
      return { lines: [`${call.args[0]} is active`] };
    },
  },
  secret: {
    about: 'Makes a new secret and prints it, alone, this once; the one before it goes on until the next.',
    example: 'egret clients secret gongjijin',
    args: ['CLIENT'],
    async run(call) {
      const { clients, operator } = await inside(call);
      const id = call.args[0] ?? '';
      const known = clients.snapshot().clients.get(id);
      const secret = await clients.newSecret(id, operator);
      if (secret === undefined) {
        if (!known) throw unknown(call);
        throw new EgretError('EG-1909', { log: `${id} authenticates with ${known.auth}: it has no secret` });
      }
      return {
        lines: [secret],
        aside: [
          `The new secret of ${id} is on standard output; it is not kept here and cannot be shown again.`,
          'The secret before it stays good until the next one is made.',
        ],
      };
    },
  },
};

const inside = async (call: Call) => (await call.rooms()).inside();
const snapshot = async (call: Call) => (await inside(call)).clients.snapshot().clients;
const unknown = ({ args }: Call) => new EgretError('EG-1904', { log: `There is no client ${args[0]}.` });

/** A command repeated says so, and the trail tells of one act. */
async function notChanged(call: Call, state: string): Promise<EgretError> {
  if (!(await snapshot(call)).has(call.args[0] ?? '')) return unknown(call);
  return new EgretError('EG-1909', { log: `${call.args[0]} is ${state} already: nothing was changed.` });
}

function shown({ secretHashes, client_id: _, ...record }: ClientRecord) {
  return { ...record, secrets: secretHashes.length };
}

function changes(found: readonly Change[], would: string): Report {
  return {
    data: found,
    lines: columns(
      ['client', 'change', 'fields'],
      found.map(({ clientId, change, fields }) => [
        clientId,
        change === 'same' ? 'same' : would + change,
        fields.join(', '),
      ]),
      '',
    ),
  };
}

/** The definitions of the files and folders named, or of the configured folder: one YAML file each. */
async function definitions({ args, config }: Call): Promise<unknown[]> {
  const places = args.length > 0 ? args.map((path) => resolve(path)) : [config.clientsFolder];
  const found = await readDefinitions(places);
  if (found.length === 0) throw new EgretError('EG-1601', { log: `There is no *.yaml in ${places.join(', ')}` });
  return found;
}
