import t from 'tap';
import { context, discover, editions, signedIn } from './web/discovered.ts';
import { all, type Node, parse, text } from './web/markup.ts';

const found = await discover();
const controls = new Set(['input', 'select', 'textarea']);
const han = /\p{Script=Han}/u;

t.ok(found.length > 20, `${found.length} views were found`);

t.test('every sample of every view, in every edition', (t) => {
  for (const { file, name, view, samples } of found)
    for (const [sample, model] of Object.entries(samples))
      for (const edition of editions)
        for (const who of [{}, signedIn]) {
          const label = `${file}: ${name}, ${sample}, ${edition.lang} ${edition.mode}${who === signedIn ? ', signed in' : ''}`;
          const page = view(model, context({ ...edition, ...who }));
          const wrong = [...complaints(page, edition)];
          if (wrong.length > 0) t.fail(label, { wrong });
        }
  t.pass('all of them rendered');
  t.end();
});

function* complaints(page: string, edition: { lang: string; mode: string }): Generator<string> {
  const root = parse(page);
  const nodes = [...all(root)];
  const html = nodes.find((node) => node.tag === 'html');
  if (html?.attributes.lang !== edition.lang) yield 'html has another lang';
  const h1 = nodes.filter((node) => node.tag === 'h1');
  if (h1.length !== 1 || text(h1[0] as Node).trim() === '') yield `${h1.length} h1`;
  const title = text(nodes.find((node) => node.tag === 'title') as Node);
  const name = edition.lang === 'en' ? 'Egret' : '白鹭通行证';
  if (!title.endsWith(` - ${name}`) || title.length < name.length + 5) yield `title: ${title}`;
  yield* identifiers(nodes);
  yield* forms(nodes);
  const summary = nodes.find((node) => node.attributes.id === 'err');
  const marked = title.startsWith(edition.lang === 'en' ? 'Error: ' : '错误：');
  if (summary && !marked) yield 'errors, but not in the title';
  for (const node of nodes) {
    if ('style' in node.attributes || node.tag === 'style') yield `inline style on ${node.tag}`;
    if (node.tag === 'script' && (!node.attributes.src || node.children.length > 0)) yield 'inline script';
    if ('placeholder' in node.attributes) yield 'a placeholder';
    for (const attribute of Object.keys(node.attributes))
      if (/^on/i.test(attribute)) yield `${attribute} on ${node.tag}`;
    if (node.tag === 'a' && !node.attributes.href) yield `a link to nowhere: ${text(node)}`;
    if (['a', 'button', 'th', 'caption', 'legend', 'label', 'option', 'h1', 'h2', 'h3'].includes(node.tag))
      if (!text(node, (child) => child.attributes['aria-hidden'] === 'true').trim()) yield `an empty ${node.tag}`;
  }
  if (edition.mode === 'large' && edition.lang === 'zh-CN' && text(root).includes('你'))
    yield `你: ${around(text(root), '你')}`;
  if (edition.lang === 'en') {
    const english = text(root, (node) => node.attributes.lang === 'zh-CN');
    const stray = han.exec(english)?.[0];
    if (stray) yield `Chinese in an English page without lang: ${around(english, stray)}`;
    for (const node of nodes)
      for (const attribute of ['aria-label', 'title', 'alt', 'content', 'data-reveal', 'data-hide'])
        if (han.test(node.attributes[attribute] ?? '')) yield `Chinese in ${attribute}`;
  }
}

const around = (whole: string, part: string): string => {
  const at = whole.indexOf(part);
  return whole.slice(Math.max(0, at - 15), at + 15);
};

function* identifiers(nodes: readonly Node[]): Generator<string> {
  const ids = nodes.map((node) => node.attributes.id).filter((id) => id !== undefined);
  const known = new Set(ids);
  if (known.size !== ids.length) yield `an id twice: ${ids.filter((id, n) => ids.indexOf(id) !== n)}`;
  for (const node of nodes) {
    for (const attribute of ['for', 'aria-describedby', 'aria-labelledby', 'aria-controls'])
      for (const id of (node.attributes[attribute] ?? '').split(' '))
        if (id !== '' && !known.has(id)) yield `${attribute}="${id}" names nothing`;
    const { href } = node.attributes;
    if (node.tag === 'a' && href?.startsWith('#') && !known.has(href.slice(1))) yield `${href} leads to nothing`;
  }
}

function* forms(nodes: readonly Node[]): Generator<string> {
  const labelled = new Set(nodes.filter((node) => node.tag === 'label').map((node) => node.attributes.for));
  for (const node of nodes) {
    const { attributes } = node;
    if (controls.has(node.tag) && attributes.type !== 'hidden' && !('hidden' in attributes)) {
      if (!labelled.has(attributes.id)) yield `${attributes.name} has no label`;
      if (!attributes.name) yield 'a control without a name';
      if (attributes.type === 'password' && attributes.value !== undefined) yield 'a password sent back';
      if ('maxlength' in attributes) yield `${attributes.name} cuts what is pasted`;
    }
    if (node.tag !== 'form') continue;
    const inside = [...all(node)];
    if (attributes.method !== 'post' && attributes.method !== 'get') yield 'a form without method';
    if (!attributes.action?.startsWith('/')) yield `a form to ${attributes.action}`;
    const token = inside.find((each) => each.attributes.name === 'form_token');
    if (attributes.method === 'post' && token?.attributes.value !== 'form-token') yield 'a form without its token';
    if (!inside.some((each) => each.tag === 'button' && each.attributes.type === 'submit'))
      yield 'a form without a button';
  }
}

const canary = '"><script>canary()</script>';

/** Every copy of the model in which one string carries the canary. */
function* poisoned(model: unknown): Generator<unknown> {
  if (typeof model === 'string') yield model + canary;
  else if (model && typeof model === 'object')
    for (const [key, value] of Object.entries(model))
      for (const bad of poisoned(value))
        yield Array.isArray(model)
          ? model.map((each, n) => (String(n) === key ? bad : each))
          : { ...model, [key]: bad };
}

t.test('what comes in is escaped', (t) => {
  let rendered = 0;
  for (const { file, name, view, samples } of found)
    for (const [sample, model] of Object.entries(samples))
      for (const bad of poisoned(model)) {
        let page: string;
        try {
          page = view(bad, context());
        } catch {
          // A string that chooses among words (a code, a reason) has no other value.
          continue;
        }
        rendered++;
        if (page.includes('<script>canary')) t.fail(`${file}: ${name}, ${sample}`, { bad });
        parse(page);
      }
  t.ok(rendered > 100, `${rendered} pages with a canary in them`);
  const { view, samples } = found[0] as (typeof found)[0];
  const everywhere = { path: `/${canary}`, formToken: canary, person: { maskedName: canary } };
  const page = view(Object.values(samples)[0], context({ ...everywhere, lang: 'en' }));
  t.notMatch(page, '<script>canary', 'nor does the context get through');
  t.match(page, '&#60;script&#62;canary', 'it was there');
  t.end();
});
