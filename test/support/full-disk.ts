// What the embedded database does when its disk fills, as a program on a small disk of its own: `full-disk.ts FOLDER`.
import fs from 'node:fs';
import { dirname, join } from 'node:path';
import { isUnreachable, openDatabase } from '../../src/store/database.ts';
import { startEmbedded } from '../../src/store/embedded/embedded.ts';
import { answers } from '../../src/store/embedded/postmaster.ts';
import { until } from './processes.ts';

const data = process.argv[2] as string;
const filler = join(dirname(data), 'filler');

try {
  const server = await startEmbedded(data);
  const records = openDatabase({ ...server, max: 2 });
  const { sql } = records;
  await sql`create table kept (id integer, text text)`;
  await sql`insert into kept values (1, 'before')`;

  let last = 1;
  const more = () =>
    sql`insert into kept select ${last + 1}, string_agg(md5(n::text || random()), '') from generate_series(1, 3000) n`;
  for (; last < 5; last++) await more();

  const file = fs.openSync(filler, 'w');
  try {
    for (;;) fs.writeSync(file, Buffer.alloc(1 << 16));
  } catch (error) {
    console.log(`filled ${(error as NodeJS.ErrnoException).code}`);
  }
  /** Why it failed in the end. */
  const untilRefused = async (work: () => Promise<unknown>): Promise<string> => {
    for (;;)
      try {
        await work();
      } catch (error) {
        const { code } = error as { code?: string };
        return `${code}${isUnreachable(error) ? ', away' : ''}`;
      }
  };
  console.log(`rows: ${await untilRefused(() => more().then(() => last++))}`);
  // its log is preallocated: when that is written full too, the server can do nothing more, and ends
  const log = () => sql`select pg_logical_emit_message(true, 'a', repeat('a', 1000000))`;
  console.log(`log: ${await untilRefused(log)}`);
  await until(async () => !(await answers(server.socket)));

  fs.closeSync(file);
  fs.rmSync(filler);
  const began = performance.now();
  await until(() =>
    sql`insert into kept values (0, 'after')`.then(
      () => true,
      () => false,
    ),
  );
  console.log(`back after ${Math.round(performance.now() - began)} ms`);
  const rows = await sql<{ id: number }[]>`select id from kept where id > 0 order by id`;
  console.log(`rows: ${rows.length} of ${last}`);
  await records.close();
  server.release();
} catch (error) {
  console.log(`${(error as { code?: string }).code}: ${(error as Error).message}`);
  process.exitCode = 1;
}
