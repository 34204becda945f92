import type { Sql } from 'postgres';

/**
 * Arrays of PostgreSQL's own types. The driver asks the server for them on every new connection, and a connection
 * that is lost during that question ends the process with an unhandled rejection; their numbers never change.
 */
const arrays: Readonly<Record<number, number>> = {
  16: 1000, // boolean
  17: 1001, // bytea
  20: 1016, // bigint
  21: 1005, // smallint
  23: 1007, // integer
  25: 1009, // text
  114: 199, // json
  700: 1021, // real
  701: 1022, // double precision
  869: 1041, // inet
  1042: 1014, // character
  1043: 1015, // character varying
  1082: 1182, // date
  1114: 1115, // timestamp
  1184: 1185, // timestamptz
  1700: 1231, // numeric
  2950: 2951, // uuid
  3802: 3807, // jsonb
};

/** The tables of the driver that its types do not show. */
interface Tables {
  shared: { typeArrayMap: Record<number, number> };
  parsers: Record<number, (text: string) => unknown>;
  serializers: Record<number, (value: unknown) => unknown>;
}

export function teachArrays(sql: Sql): Sql {
  const { shared, parsers, serializers } = sql.options as unknown as Tables;
  for (const [of, array] of Object.entries(arrays)) {
    const element = Number(of);
    shared.typeArrayMap[element] = array;
    parsers[array] = (text) => readArray(text, parsers[element]);
    serializers[array] = (value) => (Array.isArray(value) ? writeArray(value, serializers[element]) : value);
  }
  return sql;
}

/** `{1,"a \"b\"",NULL,{2}}`, as an input for the server. */
function writeArray(values: readonly unknown[], serialize?: (value: unknown) => unknown): string {
  const written = values.map((value) => {
    if (value === undefined) throw new TypeError('undefined in an array');
    if (value === null) return 'NULL';
    if (Array.isArray(value)) return writeArray(value, serialize);
    const text = String(serialize ? serialize(value) : value);
    return text.includes('"') || text.includes('\\') ? `"${text.replace(/["\\]/g, '\\$&')}"` : `"${text}"`;
  });
  return `{${written.join(',')}}`;
}

/** The same from the server; a lower bound in front (`[0:1]={…}`) is dropped. */
function readArray(text: string, parse: (text: string) => unknown = (each) => each): unknown[] {
  const token = /\{|\}|,|"((?:[^"\\]|\\.)*)"|[^{},"]+/gsy;
  token.lastIndex = text.indexOf('{');
  const stack: unknown[][] = [];
  for (let found = token.exec(text); found; found = token.exec(text)) {
    const [word, quoted] = found;
    const inner = stack.at(-1);
    if (word === '{') stack.push([]);
    else if (word === '}') {
      const done = stack.pop() as unknown[];
      const outer = stack.at(-1);
      if (!outer) return done;
      outer.push(done);
    } else if (quoted !== undefined) inner?.push(parse(quoted.replace(/\\(.)/gs, '$1')));
    else if (word !== ',') inner?.push(word === 'NULL' ? null : parse(word));
  }
  throw new TypeError('not an array of PostgreSQL');
}
