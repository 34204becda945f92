import type { Door } from './doors.ts';

/** One request that nobody means well with. */
export interface Attack {
  readonly door: Door;
  readonly kind: string;
  readonly name?: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** No endpoint may take it for a request: 4xx, whatever else it says. */
  readonly must: boolean;
}

const urlencoded = { 'content-type': 'application/x-www-form-urlencoded' };
const long = 'x'.repeat(10_000);
const pairsOf = (record: Readonly<Record<string, string>>): string => new URLSearchParams(record).toString();

/** One parameter, bent in every way; `raw` is how it stands in the text, undefined where it is left out. */
const bends: readonly (readonly [
  kind: string,
  must: boolean,
  raw: (name: string, value: string) => string | undefined,
])[] = [
  ['missing', false, () => undefined],
  ['empty', false, (name) => `${name}=`],
  ['array', false, (name, value) => `${name}[]=${value}&${name}[]=${value}`],
  ['object', false, (name, value) => `${name}[a]=${value}`],
  ['line end', false, (name, value) => `${name}=${value}%0d%0aset-cookie:%20a=b`],
  ['markup', false, (name) => `${name}=%22%3e%3cscript%3ealert(1)%3c/script%3e`],
  ['twice', true, (name, value) => `${name}=${value}&${name}=${value}`],
  ['oversized', true, (name) => `${name}=${long}`],
  ['NUL', true, (name, value) => `${name}=${value}%00`],
  ['broken escape', true, (name, value) => `${name}=${value}%zz`],
  ['half an escape', true, (name, value) => `${name}=${value}%4`],
  ['no UTF-8', true, (name, value) => `${name}=${value}%ff%fe`],
  ['overlong', true, (name) => `${name}=%c0%af`],
  ['lone surrogate', true, (name, value) => `${name}=${value}%ed%a0%80`],
];

/** Boxes of one name. */
const repeatable = new Set(['grant']);

/** Every parameter of a door, bent in every way. */
export function* bent(door: Door): Generator<Attack> {
  for (const name of door.names)
    for (const [kind, must, raw] of bends) {
      if (kind === 'twice' && repeatable.has(name)) continue;
      // a password may hold anything: there these two are a try, and counted as one
      if (name.includes('password') && (kind === 'line end' || kind === 'markup')) continue;
      const { [name]: value = 'x', ...others } = must ? door.right : { ...door.bare, [name]: door.right[name] ?? 'x' };
      const text = [pairsOf(others), raw(name, encodeURIComponent(value))].filter(Boolean).join('&');
      yield {
        door,
        kind,
        name,
        must: must && door.how === 'form' && door.reader === 'page',
        ...carried(door, text),
      };
    }
}

const carried = (door: Door, text: string): Pick<Attack, 'path' | 'headers' | 'body'> =>
  door.how === 'query'
    ? { path: text ? `${door.path}?${text}` : door.path, headers: {} }
    : { path: door.path, headers: urlencoded, body: text };

/** Whole bodies that are no form of ours. */
export function* bodies(door: Door): Generator<Attack> {
  if (door.how !== 'form') return;
  const right = pairsOf(door.right);
  const json = { 'content-type': 'application/json' };
  const object = JSON.stringify(door.right);
  const all: readonly (readonly [kind: string, headers: Record<string, string>, body: string | Buffer])[] = [
    ['JSON', json, object],
    ['JSON, a key twice', json, object.replace('{', '{"form_token":"x","grant_type":"x","client_id":"x",')],
    ['JSON, deep', json, '['.repeat(20_000)],
    ['JSON, deep and whole', json, `${'{"a":'.repeat(8_000)}1${'}'.repeat(8_000)}`],
    ['JSON, a lone surrogate', json, '{"form_token":"\\ud800"}'],
    ['JSON, a prototype', json, '{"__proto__":{"form_token":"x"}}'],
    ['JSON, broken', json, '{"a":'],
    ['text', { 'content-type': 'text/plain' }, right],
    [
      'multipart',
      { 'content-type': 'multipart/form-data; boundary=x' },
      '--x\r\ncontent-disposition: form-data; name="a"\r\n\r\nb\r\n--x--',
    ],
    ['XML', { 'content-type': 'application/xml' }, '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>'],
    ['a type that is none', { 'content-type': 'nonsense' }, right],
    ['no type', {}, right],
    ['two types', { 'content-type': 'application/x-www-form-urlencoded, application/json' }, right],
    ['compressed', { ...urlencoded, 'content-encoding': 'gzip' }, Buffer.from([31, 139, 8, 0, 255])],
    ['compressed, it says', { ...urlencoded, 'content-encoding': 'gzip' }, right],
    [
      'bytes that are no text',
      urlencoded,
      Buffer.concat([Buffer.from(`${right}&a=`), Buffer.from([255, 254, 0, 128])]),
    ],
    ['five thousand parameters', urlencoded, `${right}&${'a=b&'.repeat(5_000)}`],
    ['one parameter five thousand times', urlencoded, `${right}&${'a[]=&'.repeat(5_000)}`],
    ['brackets', urlencoded, `${'['.repeat(60_000)}=x`],
    ['a body of 100 kB', urlencoded, `${right}&a=${'x'.repeat(100_000)}`],
  ];
  for (const [kind, headers, body] of all)
    yield {
      door,
      kind,
      path: door.path,
      headers,
      body,
      must: door.reader === 'page' ? kind !== 'brackets' || 'form_token' in door.right : !lenient.has(kind),
    };
}

/** What the library reads past: it looks for its own parameters only, and undoes no compression. */
const lenient = new Set([
  ...['compressed', 'compressed, it says', 'bytes that are no text'],
  ...['five thousand parameters', 'one parameter five thousand times'],
]);

/** Headers that a route may read, bent. */
export function* heads(door: Door): Generator<Attack> {
  // without its token no form of ours can succeed: what is asked here is whether its headers are read without harm
  const { form_token: _token, ...bare } = door.bare;
  const text = pairsOf(bare);
  const base = door.how === 'query' ? { path: door.path, headers: {} } : { ...carried(door, text) };
  const all: Readonly<Record<string, Record<string, string>>> = {
    'a cookie that is none': { cookie: '=; egret; =egret; egret=%zz; egret_b=%ff; egret_lang=\x80' },
    'a cookie of 7 kB': { cookie: `egret=07${'x'.repeat(7_000)}` },
    'a language of 7 kB': { 'accept-language': 'a;q=0.1,'.repeat(900) },
    'a device of 7 kB': { 'user-agent': 'Mozilla/'.repeat(900) },
    'a proof that is none': { authorization: 'Basic \xff\xfe=' },
    'a bearer that is none': { authorization: 'Bearer a b c' },
    'a bearer of 7 kB': { authorization: `Bearer ${'x'.repeat(7_000)}` },
    'an ETag without an end': { 'if-none-match': '"'.repeat(5_000) },
    'an expectation nobody has': { expect: 'the-unexpected' },
    'another method inside': { 'x-http-method-override': 'DELETE' },
    'headers of 20 kB': { 'x-long': 'x'.repeat(20_000) },
  };
  for (const [kind, headers] of Object.entries(all))
    yield { door, kind, must: kind === 'headers of 20 kB', ...base, headers: { ...base.headers, ...headers } };
}

/** What stands in a path instead of an id, and paths that are none. */
export function* paths(door: Door): Generator<Attack> {
  const values = [
    '',
    '%00',
    'a%00',
    '%zz',
    '%',
    '%ff',
    '%ed%a0%80',
    '..%2f..%2fetc',
    'x'.repeat(190),
    'x'.repeat(5_000),
    '[]',
    '%0d%0aa:b',
    '__proto__',
  ];
  const { url } = door.route;
  const { form_token: _token, ...bare } = door.bare;
  const own = url.includes(':')
    ? values.map((value) => url.replace(/:\w+/, value))
    : [`${url}%00`, `${url}/%zz`, `${url};a=b`];
  for (const path of own)
    yield {
      door,
      kind: `path ${path.slice(0, 40)}`,
      path,
      headers: door.how === 'form' ? urlencoded : {},
      must: false,
      ...(door.how === 'form' ? { body: pairsOf(bare) } : {}),
    };
}
