/**
 * Reads a page strictly: every tag closed where it belongs, every attribute quoted, no name twice. Enough of HTML for
 * what we write, and less forgiving than a browser, so that a slip in a view fails here.
 */
export interface Node {
  readonly tag: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: (Node | string)[];
  readonly parent?: Node;
}

const empty = new Set(['meta', 'link', 'input', 'br', 'hr', 'img']);
const entities: Record<string, string> = {
  '&#34;': '"',
  '&#38;': '&',
  '&#39;': "'",
  '&#60;': '<',
  '&#61;': '=',
  '&#62;': '>',
};
const decoded = (text: string): string =>
  text.replace(/&[^;\s]*;?/g, (entity) => {
    const character = entities[entity];
    if (!character) throw new Error(`unknown entity ${entity}`);
    return character;
  });

export function parse(page: string): Node {
  const doctype = '<!doctype html>\n';
  if (!page.startsWith(doctype)) throw new Error('no doctype');
  const root: Node = { tag: '#root', attributes: {}, children: [] };
  let open = root;
  let rest = page.slice(doctype.length);
  while (rest !== '') {
    const closing = /^<\/([a-z0-9]+)>/.exec(rest);
    const opening = /^<([a-z][a-z0-9]*)((?:\s+[a-zA-Z:-]+(?:="[^"<>]*")?)*)\s*(\/?)>/.exec(rest);
    const text = /^[^<]+/.exec(rest)?.[0];
    if (closing) {
      if (closing[1] !== open.tag) throw new Error(`</${closing[1]}> closes <${open.tag}>`);
      open = open.parent as Node;
    } else if (opening) {
      const attributes: Record<string, string> = {};
      for (const [, name = '', value = ''] of (opening[2] ?? '').matchAll(/([a-zA-Z:-]+)(?:="([^"]*)")?/g)) {
        if (name in attributes) throw new Error(`<${opening[1]}> has ${name} twice`);
        attributes[name] = decoded(value);
      }
      const node: Node = { tag: opening[1] as string, attributes, children: [], parent: open };
      open.children.push(node);
      if (!empty.has(node.tag) && opening[3] !== '/') open = node;
    } else if (text !== undefined) open.children.push(decoded(text));
    else throw new Error(`not markup of ours: ${rest.slice(0, 80)}`);
    rest = rest.slice((closing?.[0] ?? opening?.[0] ?? text ?? '').length);
  }
  if (open !== root) throw new Error(`<${open.tag}> is not closed`);
  return root;
}

export function* all(node: Node, tag?: string): Generator<Node> {
  for (const child of node.children) {
    if (typeof child === 'string') continue;
    if (tag === undefined || child.tag === tag) yield child;
    yield* all(child, tag);
  }
}

/** The text of an element; `but` leaves elements out. */
export function text(node: Node, but: (node: Node) => boolean = () => false): string {
  return node.children
    .map((child) => (typeof child === 'string' ? child : but(child) ? '' : text(child, but)))
    .join('')
    .replace(/\s+/g, ' ');
}
