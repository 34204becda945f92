/** A time in UTC, to the second; a dash for none. */
export function time(at: number | null | undefined): string {
  return at === null || at === undefined ? '-' : `${new Date(at).toISOString().slice(0, 19)}Z`;
}

/** Rows as columns, wide characters counted as two; a control character never reaches the terminal. */
export function columns(head: readonly string[], rows: readonly (readonly unknown[])[], none: string): string[] {
  if (rows.length === 0) return [none];
  const table = [head, ...rows].map((row) => row.map((cell) => clean(String(cell ?? '-'))));
  const widths = head.map((_, index) => Math.max(...table.map((row) => width(row[index] ?? ''))));
  return table.map((row) =>
    row
      .map((cell, index) => cell + ' '.repeat((widths[index] ?? 0) - width(cell)))
      .join('  ')
      .trimEnd(),
  );
}

/** One thing, a line a field. */
export function fields(thing: Readonly<Record<string, unknown>>): string[] {
  const names = Object.keys(thing).filter((name) => thing[name] !== undefined);
  const widest = Math.max(...names.map(width));
  return names.map((name) => `${name.padEnd(widest)}  ${clean(String(thing[name]))}`);
}

export function clean(text: string): string {
  return text.replace(/\p{Cc}/gu, ' ');
}

function width(text: string): number {
  let columns = 0;
  for (const letter of text)
    columns += /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/.test(
      letter,
    )
      ? 2
      : 1;
  return columns;
}
