// Runs in a page of another origin: what test/journeys/cross-site.test.ts attacks with. (Not TypeScript: no DOM there.)

const enctypes = ['application/x-www-form-urlencoded', 'multipart/form-data', 'text/plain'];

const formOf = ({ url, fields }, enctype, target) => {
  const form = document.createElement('form');
  Object.assign(form, { action: url, method: 'post', enctype, target });
  for (const [name, value] of Object.entries(fields)) {
    const input = document.createElement('input');
    Object.assign(input, { type: 'hidden', name, value });
    form.append(input);
  }
  document.body.append(form);
  return form;
};

const frame = (name, src) =>
  new Promise((done) => {
    const one = document.createElement('iframe');
    one.name = name;
    one.addEventListener('load', done);
    if (src) one.src = src;
    document.body.append(one);
  });

/** Every form in a frame of its own, in each encoding that a form can have, or in the first of them. */
globalThis.inFrames = async ({ targets, encodings }) => {
  const sent = targets.flatMap((target, n) =>
    enctypes.slice(0, encodings).map(async (enctype, k) => {
      const name = `frame-${n}-${k}`;
      await frame(name);
      const loaded = new Promise((done) => document.getElementsByName(name)[0].addEventListener('load', done));
      formOf(target, enctype, name).submit();
      await loaded;
    }),
  );
  await Promise.all(sent);
};

/** One form in a window of its own. */
globalThis.inWindow = (target) => formOf(target, enctypes[0], 'window').submit();

/** What a script of another origin gets to read: nothing, where the answer is `opaque` or the request `blocked`. */
globalThis.byScript = async (targets) => {
  const ways = [
    { mode: 'cors', credentials: 'include' },
    { mode: 'no-cors', credentials: 'include' },
    { mode: 'cors', credentials: 'include', headers: { 'content-type': 'application/json' } },
    { mode: 'cors', credentials: 'include', headers: { 'x-requested-with': 'XMLHttpRequest' } },
    { mode: 'no-cors', credentials: 'include', keepalive: true },
  ];
  const asked = targets.flatMap(({ url, fields }) =>
    ways.map((way) =>
      fetch(url, { method: 'POST', body: new URLSearchParams(fields), ...way }).then(
        (answer) => (answer.type === 'opaque' ? 'opaque' : `read ${answer.status} ${url}`),
        () => 'blocked',
      ),
    ),
  );
  const beacons = targets.map(({ url, fields }) => navigator.sendBeacon(url, new URLSearchParams(fields)));
  return [...(await Promise.all(asked)), ...beacons.map(() => 'opaque')];
};

/** Pages of the gateway as frames, images, styles, scripts, prefetched links. */
globalThis.embedded = async (urls) => {
  const elements = urls.flatMap((url) => [
    Object.assign(document.createElement('img'), { src: url }),
    Object.assign(document.createElement('script'), { src: url }),
    Object.assign(document.createElement('link'), { rel: 'stylesheet', href: url }),
    Object.assign(document.createElement('link'), { rel: 'prefetch', href: url }),
  ]);
  const settled = elements.map(
    (element) =>
      new Promise((done) => {
        for (const end of ['load', 'error']) element.addEventListener(end, done);
        // some say neither
        setTimeout(done, 1_000);
      }),
  );
  document.body.append(...elements);
  await Promise.all([...settled, ...urls.map((url, n) => frame(`get-${n}`, url))]);
  return urls.flatMap((url, n) => {
    try {
      return document.getElementsByName(`get-${n}`)[0].contentDocument?.body.textContent ? [url] : [];
    } catch {
      return [];
    }
  });
};

/** Opens a page of the gateway, speaks to it, and tries to read it. */
globalThis.opened = async (url) => {
  const other = window.open(url);
  const heard = [];
  const listen = ({ origin, data }) => heard.push(`${origin} ${JSON.stringify(data)}`);
  addEventListener('message', listen);
  for (let n = 0; n < 10; n++) {
    for (const data of ['sign-out', { choice: 'all' }, '<form>', { type: 'submit', form_token: 'x' }])
      other?.postMessage(data, '*');
    await new Promise((done) => setTimeout(done, 20));
  }
  removeEventListener('message', listen);
  let read;
  try {
    read = other?.document.body?.textContent && other.location.href !== 'about:blank' ? other.location.href : '';
  } catch {
    read = '';
  }
  other?.close();
  return { heard, read };
};
