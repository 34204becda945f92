import type { Database } from '../../src/store/database.ts';
import type { Redis } from '../../src/store/redis.ts';
import type { Secrets } from './passer.ts';

/** What a heap of text says in other words: hex, base64 and JSON escapes are read too, one layer deep. */
function layers(text: string): string[] {
  const decoded: string[] = [];
  for (const [, hex] of text.matchAll(/\\x((?:[0-9a-f]{2}){4,})/g))
    decoded.push(Buffer.from(hex as string, 'hex').toString());
  for (const [run] of text.matchAll(/[A-Za-z0-9+/_-]{8,}/g)) {
    decoded.push(Buffer.from(run, 'base64').toString());
    if (run.length % 2 === 0 && /^[0-9a-f]+$/i.test(run)) decoded.push(Buffer.from(run, 'hex').toString());
  }
  const plain = text.replaceAll(/\\+u([0-9a-f]{4})/gi, (_all, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
  let unescaped = plain;
  try {
    unescaped = decodeURIComponent(plain.replaceAll('+', ' ').replaceAll(/%(?![0-9a-f]{2})/gi, '%25'));
  } catch {
    // bytes that are no text: what is escaped in them is not ours
  }
  return [text, plain, unescaped, decoded.join('\n')];
}

/** Six digits could stand in any number or digest: a code is one that stands by itself. */
const pattern = (value: string): RegExp =>
  new RegExp(
    /^\d{6}$/.test(value) ? `(?<![\\w.-])${value}(?![\\w-])` : value.replaceAll(/[^\w\s]/gu, (mark) => `\\${mark}`),
  );

/** The kinds of secrets that stand in this text, each with what surrounds it. */
export function found(text: string, secrets: Secrets): Map<string, string> {
  const read = layers(text);
  const hits = new Map<string, string>();
  for (const [kind, values] of secrets.kinds)
    for (const value of values) {
      const wanted = pattern(value);
      for (const layer of read) {
        const at = layer.search(wanted);
        if (at >= 0) hits.set(kind, layer.slice(Math.max(0, at - 80), at + 30));
      }
    }
  return hits;
}

/** Every key of Redis and what it holds. */
export async function redisDump(redis: Redis): Promise<string> {
  const lines: string[] = [];
  let cursor = '0';
  do {
    const [next, keys] = await redis.scan(cursor, 'COUNT', 500);
    cursor = next;
    for (const key of keys) lines.push(`${key} ${JSON.stringify(await heldBy(redis, key))}`);
  } while (cursor !== '0');
  return lines.join('\n');
}

async function heldBy(redis: Redis, key: string): Promise<unknown> {
  const type = await redis.type(key);
  if (type === 'string') return redis.get(key);
  if (type === 'hash') return redis.hgetall(key);
  if (type === 'list') return redis.lrange(key, 0, -1);
  if (type === 'set') return redis.smembers(key);
  if (type === 'zset') return redis.zrange(key, '0', '-1');
  if (type === 'stream') return redis.xrange(key, '-', '+');
  // it ended between the two questions
  if (type === 'none') return undefined;
  throw new Error(`a key of type ${type}: this dump would not show it`);
}

/** Every row of every table that is not the server's own. */
export async function tableDump({ sql }: Database): Promise<string> {
  const tables = await sql<{ schema: string; name: string }[]>`
    select schemaname as schema, tablename as name from pg_tables
    where schemaname not in ('pg_catalog', 'information_schema')`;
  const parts: string[] = [];
  for (const { schema, name } of tables) {
    const rows = await sql<{ row: string }[]>`select t::text as row from ${sql(schema)}.${sql(name)} t`;
    parts.push(`${name}\n${rows.map(({ row }) => row).join('\n')}`);
  }
  return parts.join('\n');
}
