import t from 'tap';
import { context, discover } from '../web/discovered.ts';
import { all, type Node, parse } from '../web/markup.ts';

/** What a browser, a telephone and a password manager are told about each field; written by hand. */
const told: Record<string, { autocomplete: string; type?: string; inputmode?: string }> = {
  login_id: { autocomplete: 'username' },
  password: { autocomplete: 'current-password', type: 'password' },
  new_password: { autocomplete: 'new-password', type: 'password' },
  otp: { autocomplete: 'one-time-code', inputmode: 'numeric' },
  mobile: { autocomplete: 'tel-national', type: 'tel', inputmode: 'numeric' },
  full_name: { autocomplete: 'name' },
  id_number: { autocomplete: 'off', inputmode: 'text' },
};

/** Every form of every sample of the pages of a sign-in. */
async function forms(): Promise<{ label: string; inputs: readonly Node[] }[]> {
  const found = (await discover()).filter(({ file }) => file.includes('signin'));
  return found.flatMap(({ name, view, samples }) =>
    Object.entries(samples).flatMap(([sample, model]) =>
      [...all(parse(view(model, context())))]
        .filter(({ tag }) => tag === 'form')
        .map((form) => ({
          label: `${name}, ${sample}`,
          inputs: [...all(form)].filter(({ tag }) => tag === 'input'),
        })),
    ),
  );
}

t.test('fields say what belongs in them', async (t) => {
  const seen = new Set<string>();
  for (const { label, inputs } of await forms())
    for (const { attributes } of inputs) {
      const wanted = told[attributes.name ?? ''];
      if (!wanted) continue;
      seen.add(attributes.name ?? '');
      t.match(attributes, wanted, `${label}: ${attributes.name}`);
    }
  t.same([...seen].sort(), Object.keys(told).sort(), 'each of them stands on some page');
});

t.test('a password stands beside the login name it belongs to', async (t) => {
  let beside = 0;
  for (const { label, inputs } of await forms()) {
    const names = inputs.map(({ attributes }) => attributes);
    if (!names.some(({ type }) => type === 'password')) continue;
    const [login, ...more] = names.filter(({ autocomplete }) => autocomplete === 'username');
    t.same(more, [], `${label}: one login name at most`);
    if (!login || login.name !== undefined) continue;
    t.ok('readonly' in login && 'hidden' in login, `${label}: unseen, and not sent`);
    beside += 1;
  }
  t.ok(beside >= 3, 'registration, recovery and the second password');
});
