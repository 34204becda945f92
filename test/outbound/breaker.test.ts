import t from 'tap';
import { withBreakers } from '../../src/web/outbound/breaker.ts';

t.test('a host that does not answer is left alone for a while', async (t) => {
  let now = 0;
  const called: string[] = [];
  let answer: (host: string) => Promise<Response> = async () => Promise.reject(new TypeError('no answer'));
  const call = withBreakers(
    async (input) => {
      const { host } = new URL(String(input));
      called.push(host);
      return answer(host);
    },
    { monotonic: () => now },
  );
  const outcome = (host: string): Promise<unknown> =>
    call(`https://${host}/out`).then(
      ({ status }) => status,
      (error: Error) => (error.cause as { code?: string } | undefined)?.code ?? error.message,
    );
  for (let n = 0; n < 5; n++) t.equal(await outcome('down.example'), 'no answer');
  for (let n = 0; n < 20; n++) t.equal(await outcome('down.example'), 'breaker-open');
  t.equal(called.splice(0).length, 5);
  t.equal(await outcome('down.example:8443'), 'no answer', 'another host is called');
  called.length = 0;

  answer = async () => Promise.reject(new TypeError('not called', { cause: { code: 'forbidden-address' } }));
  for (let n = 0; n < 9; n++) t.equal(await outcome('private.example'), 'forbidden-address', 'its reason says more');
  answer = async () => Promise.reject(new TypeError('no answer'));
  called.length = 0;

  now += 9_999;
  t.equal(await outcome('down.example'), 'breaker-open');
  now += 1;
  let give: (response: Response) => void = () => {};
  answer = () => new Promise((resolve) => (give = resolve));
  const trial = outcome('down.example');
  t.equal(await outcome('down.example'), 'breaker-open', 'one tries, the others wait for it');
  give(new Response(null, { status: 503 }));
  t.equal(await trial, 503, 'any answer is one');
  answer = async () => new Response(null, { status: 200 });
  for (let n = 0; n < 3; n++) t.equal(await outcome('down.example'), 200);
  t.equal(called.length, 4);

  answer = async () => Promise.reject(new TypeError('no answer'));
  for (let n = 0; n < 4; n++) t.equal(await outcome('down.example'), 'no answer');
  answer = async () => new Response(null, { status: 200 });
  t.equal(await outcome('down.example'), 200, 'four in a row are not five');
  answer = async () => Promise.reject(new TypeError('no answer'));
  for (let n = 0; n < 5; n++) t.equal(await outcome('down.example'), 'no answer');
  now += 10_000;
  t.equal(await outcome('down.example'), 'no answer', 'a trial that fails');
  t.equal(await outcome('down.example'), 'breaker-open', 'begins the while anew');
});
