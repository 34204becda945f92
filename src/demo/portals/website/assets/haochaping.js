// 好差评 in the browser: code with PKCE by oidc-client-ts (served from /oidc-client-ts.js as the global `oidc`), tokens
// in sessionStorage, so that they end with the tab. What that library leaves to its user is done here: `iss` of the
// answer (RFC 9207), and issuer, audience, expiry and signature of the ID token.

(async () => {
  const zh = document.documentElement.lang === 'zh-CN';
  const settings = await (await fetch('/settings.json')).json();
  const manager = new oidc.UserManager({
    authority: settings.issuer,
    client_id: settings.clientId,
    redirect_uri: `${settings.origin}/callback`,
    post_logout_redirect_uri: `${settings.origin}/signed-out`,
    response_type: 'code',
    scope: settings.scope,
    loadUserInfo: false,
    filterProtocolClaims: false,
    automaticSilentRenew: false,
    monitorSession: false,
    requestTimeoutInSeconds: 10,
    userStore: new oidc.WebStorageStateStore({ store: sessionStorage }),
    stateStore: new oidc.WebStorageStateStore({ store: sessionStorage }),
  });

  const fault = (error, error_description) => Object.assign(new Error(error), { error, error_description });
  const text = (name, value) => {
    for (const place of document.querySelectorAll(`[data-text="${name}"]`)) place.textContent = value;
  };
  const show = (...names) => {
    for (const place of document.querySelectorAll('[data-show]')) place.hidden = !names.includes(place.dataset.show);
    for (const button of document.querySelectorAll('[data-do]')) button.hidden = false;
    document.documentElement.dataset.session = names.includes('signed-in') ? 'present' : 'none';
  };

  const bytes = (part) => Uint8Array.from(atob(part.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));

  async function verify(user) {
    const [head, body, signature] = user.id_token.split('.');
    const { alg, kid } = JSON.parse(new TextDecoder().decode(bytes(head)));
    const keys = (await manager.metadataService.getSigningKeys(true)) ?? [];
    const jwk = keys.find((key) => key.kid === kid && key.kty === 'EC');
    if (alg !== 'ES256' || jwk === undefined) throw fault('answer_refused', 'unknown key');
    const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
    const key = await crypto.subtle.importKey(
      'jwk',
      { kty: 'EC', crv: jwk.crv, x: jwk.x, y: jwk.y },
      algorithm,
      false,
      ['verify'],
    );
    const signed = new TextEncoder().encode(`${head}.${body}`);
    if (!(await crypto.subtle.verify(algorithm, key, bytes(signature), signed)))
      throw fault('answer_refused', 'signature');
    const { iss, aud, exp } = user.profile;
    if (iss !== settings.issuer || ![aud].flat().includes(settings.clientId))
      throw fault('answer_refused', 'iss or aud');
    if (exp * 1000 < Date.now()) throw fault('answer_refused', 'expired');
  }

  async function fingerprint(token) {
    if (!token) return zh ? '没有' : 'none';
    const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(token));
    return [...new Uint8Array(digest, 0, 4)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  }

  const beijing = new Intl.DateTimeFormat('sv-SE', {
    timeZone: 'Asia/Shanghai',
    dateStyle: 'short',
    timeStyle: 'medium',
  });
  const time = (seconds) => (typeof seconds === 'number' ? beijing.format(seconds * 1000) : undefined);

  function table(id, caption, heads, rows) {
    const element = (name, attributes, ...children) => {
      const made = document.createElement(name);
      for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
      made.append(...children);
      return made;
    };
    const row = (cells, head) =>
      element(
        'tr',
        { role: 'row' },
        ...cells.map((cell, n) =>
          head
            ? element('th', { role: 'columnheader', scope: 'col' }, cell)
            : n === 0
              ? element('th', { role: 'rowheader', scope: 'row' }, cell)
              : element('td', { role: 'cell', 'data-label': heads[n] }, element('span', { class: 'value' }, cell)),
        ),
      );
    return element(
      'table',
      { role: 'table', id },
      element('caption', {}, caption),
      element('thead', { role: 'rowgroup' }, row(heads, true)),
      element('tbody', { role: 'rowgroup' }, ...rows.map((cells) => row(cells, false))),
    );
  }

  async function signedIn(user, message = '') {
    text('fingerprint', await fingerprint(user.refresh_token));
    text('message', message);
    const hidden = ['nonce', 'at_hash', 'iat', 'exp', 'auth_time'];
    const claims = Object.entries(user.profile).filter(([claim]) => !hidden.includes(claim));
    const times = [
      ['auth_time', time(user.profile.auth_time)],
      ['iat', time(user.profile.iat)],
      ['exp', time(user.profile.exp)],
      [zh ? '访问令牌到期' : 'Access token expires', time(user.expires_at)],
      [zh ? '本网站最迟到这时要重新登录' : 'Latest end of your session here', time(latestEnd(user))],
    ];
    document.getElementById('received')?.replaceChildren(
      table(
        'claims',
        zh ? '本网站收到的信息' : 'What this website received',
        zh ? ['项目', '内容'] : ['Item', 'Value'],
        claims.map(([claim, value]) => [claim, typeof value === 'object' ? JSON.stringify(value) : String(value)]),
      ),
      table(
        'times',
        zh ? '令牌的时间（北京时间）' : 'Times of the tokens (Beijing time)',
        zh ? ['项目', '时间'] : ['Item', 'Time'],
        times.filter(([, at]) => at !== undefined),
      ),
    );
    show('signed-in');
  }

  /** Counted from the sign-in, which is kept beside the user: a refresh is no new sign-in. */
  const since = 'haochaping.since';
  const latestEnd = (user) => Number(sessionStorage.getItem(since) ?? user.profile.iat) + settings.sessionMinutes * 60;

  async function current() {
    const user = await manager.getUser();
    if (user === null) return { user };
    if (latestEnd(user) * 1000 < Date.now()) {
      await manager.removeUser();
      return { user: null };
    }
    const answer = await fetch('/ended', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ sid: user.profile.sid ?? '' }),
    });
    if (!(await answer.json()).ended) return { user };
    await manager.removeUser();
    return { user: null, ended: true };
  }

  async function look() {
    const { user, ended } = await current();
    if (user !== null) await signedIn(user);
    else show('signed-out', ...(ended ? ['ended'] : []));
  }

  function refused(error) {
    // What fetch throws when nobody answers, and what the library makes of a 5xx or of silence.
    const away = error instanceof TypeError || error instanceof oidc.ErrorTimeout || /\(50[0-9]\)/.test(error.message);
    text('error', error.error ?? (away ? 'unreachable' : 'answer_refused'));
    text('description', (error.error_description ?? error.message ?? '').slice(0, 300));
    show('refused', 'signed-out');
  }

  async function comeBack() {
    const query = new URLSearchParams(location.search);
    // Out of the address first: whatever happens, a reload must not send the code again.
    history.replaceState(null, '', '/callback');
    // Is it an answer to a question of this tab, and from the one we asked? (RFC 9207)
    if (query.get('iss') !== settings.issuer) throw fault('answer_refused', 'iss');
    const user = await manager.signinCallback(`${location.origin}/callback?${query}`);
    try {
      await verify(user);
    } catch (error) {
      await manager.removeUser();
      throw error;
    }
    sessionStorage.setItem(since, user.profile.iat);
    location.replace('/');
  }

  const acts = {
    'sign-in': async () => {
      show('working');
      // Random enough: 32 letters of the browser's own generator.
      const nonce = [...crypto.getRandomValues(new Uint8Array(32))].map((byte) => (byte % 36).toString(36)).join('');
      await manager.signinRedirect({ nonce, ui_locales: zh ? 'zh-CN' : 'en' });
    },
    refresh: async () => {
      const { user } = await current();
      if (user === null) return look();
      const before = await fingerprint(user.refresh_token);
      const renewed = await manager.signinSilent();
      await verify(renewed);
      const after = await fingerprint(renewed.refresh_token);
      await signedIn(
        renewed,
        before === after
          ? zh
            ? '令牌换了新的，刷新令牌没有变。'
            : 'Renewed; the refresh token stayed the same.'
          : zh
            ? `刷新令牌从 ${before} 换成 ${after}，旧的作废了。`
            : `The refresh token changed from ${before} to ${after}; the old one is void.`,
      );
    },
    'sign-out': async () => {
      const user = await manager.getUser();
      // Here first: the person may walk away from Egret's question.
      await manager.removeUser();
      await manager.signoutRedirect({
        id_token_hint: user?.id_token,
        extraQueryParams: { ui_locales: zh ? 'zh-CN' : 'en' },
      });
    },
  };

  for (const button of document.querySelectorAll('[data-do]')) {
    button.addEventListener('click', () => acts[button.dataset.do]().catch(refused));
  }
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible' && location.pathname === '/') look().catch(() => {});
  });
  setInterval(() => {
    if (document.documentElement.dataset.session === 'present')
      current()
        .then(({ user }) => user ?? look())
        .catch(() => {});
  }, 15_000);

  if (location.pathname === '/callback' && location.search !== '') {
    show('working');
    await comeBack().catch(refused);
  } else if (location.pathname === '/signed-out' && location.search !== '') {
    await manager.signoutCallback().catch(() => {});
    history.replaceState(null, '', '/signed-out');
    await look();
  } else {
    await look();
  }
})().catch(() => {
  // Our own server did not answer: the form below still works, the sign-in does not.
  document.documentElement.dataset.session = 'unknown';
});
