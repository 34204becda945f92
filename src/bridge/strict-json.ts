/** What a JSON object may be here: its members, by name. */
export type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads a JSON object as two readers must read it alike: valid UTF-8 without a byte order mark, an object at the top,
 * and no name twice in one object (`JSON.parse` would take the last one, another reader the first). Undefined for
 * everything else.
 */
export function readJsonObject(bytes: Uint8Array): Fields | undefined {
  let text: string;
  let value: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  return isFields(value) && !hasRepeatedName(text) ? value : undefined;
}

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const token = /"(?:[^"\\]|\\.)*"|[{}[\]:,]/g;

/** Of a text that `JSON.parse` has accepted, so that only names and nesting are left to look at. */
function hasRepeatedName(text: string): boolean {
  // For each open object the names seen, for each open array nothing.
  const open: (Set<string> | undefined)[] = [];
  let last = '';
  for (const [piece] of text.matchAll(token)) {
    if (piece === '{') open.push(new Set());
    else if (piece === '[') open.push(undefined);
    else if (piece === '}' || piece === ']') open.pop();
    else if (piece === ':') {
      const names = open.at(-1);
      const name = JSON.parse(last) as string;
      if (names?.has(name)) return true;
      names?.add(name);
    }
    last = piece;
  }
  return false;
}
