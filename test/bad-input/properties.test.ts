import fc from 'fast-check';
import t from 'tap';
import { readJsonObject } from '../../src/bridge/strict-json.ts';
import { parseForm } from '../../src/web/form-body.ts';
import { authorize, gateway, registered } from '../provider/public-listener.ts';

/** Addresses that are nearly a registered one, or anything at all. */
const near = fc.oneof(
  fc
    .tuple(fc.nat(registered.length), fc.nat(3), fc.string({ maxLength: 3, unit: 'binary' }))
    .map(([at, cut, more]) => registered.slice(0, at) + more + registered.slice(at + cut)),
  fc.webUrl({ withQueryParameters: true, withFragments: true }),
  fc.string({ unit: 'binary', maxLength: 60 }),
);

t.test('nobody is sent to an address that is not exactly a registered one', async (t) => {
  const { send } = await gateway(t);
  await fc.assert(
    fc.asyncProperty(near, fc.constantFrom('', 'none', 'login'), async (address, prompt) => {
      fc.pre(address !== registered);
      const { status, headers } = await send(authorize({ redirect_uri: address, ...(prompt ? { prompt } : {}) }));
      return status === 400 && headers.location === undefined;
    }),
    { numRuns: 400 },
  );
  t.equal((await send(authorize())).status, 303, 'the right one goes on');
});

t.test('a form is read as it was written, or refused', async () => {
  const word = fc.string({ unit: 'grapheme', maxLength: 20 });
  fc.assert(
    fc.property(fc.uniqueArray(fc.tuple(word, word), { selector: ([name]) => name, maxLength: 20 }), (pairs) => {
      const text = new URLSearchParams(pairs).toString();
      const read = parseForm(Buffer.from(text));
      return pairs.every(([name, value]) => read[name] === value) && Object.keys(read).length === pairs.length;
    }),
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      try {
        return typeof parseForm(Buffer.from(bytes)) === 'object';
      } catch (error) {
        return (error as { code?: string }).code === 'EG-1001';
      }
    }),
  );
});

t.test('an answer of the province with a key twice is none', async () => {
  const key = fc.string({ minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(key, fc.jsonValue(), fc.jsonValue(), (name, one, other) => {
      const [a, b, c] = [name, one, other].map((each) => JSON.stringify(each));
      return readJsonObject(Buffer.from(`{${a}:${b},${a}:${c}}`)) === undefined;
    }),
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      const read = readJsonObject(bytes);
      return read === undefined || typeof read === 'object';
    }),
  );
});
