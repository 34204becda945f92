import { createHash } from 'node:crypto';
import { html } from 'ghtml';
import type { Clock } from './clock.ts';
import type { Department, Lang, Setting } from './website/department.ts';
import { notice } from './website/page.view.ts';
import type { Session } from './website/sessions.ts';
import { serverSignIn } from './website/sign-in.ts';
import { beijingTime } from './website/times.ts';
import { createWebsite, type Website } from './website/website.ts';

export const department: Department = {
  id: 'gongjijin',
  offset: 2,
  seal: '金',
  site: { zh: '厦门公积金网上服务', en: 'Xiamen Housing Fund Online' },
  department: { zh: '厦门市住房公积金中心', en: 'Xiamen Housing Provident Fund Center' },
  matter: { zh: '公积金余额查询', en: 'Housing fund balance' },
  lead: {
    zh: '看看账户里有多少、上个月缴了没有。马上就能看到。',
    en: 'See what is in your account and whether last month was paid. At once.',
  },
  code: 'XM-GJJ-0105',
  level: 1,
  facts: {
    who: { zh: '缴存公积金的人', en: 'Anyone paying into the fund' },
    time: { zh: '当场', en: 'At once' },
    fee: { zh: '不收费', en: 'Free' },
  },
  services: [
    { zh: '缴存明细', en: 'Payments' },
    { zh: '租房提取', en: 'Withdrawal for rent' },
    { zh: '购房提取', en: 'Withdrawal for a purchase' },
    { zh: '贷款试算', en: 'Loan estimate' },
    { zh: '异地转移', en: 'Transfer from another city' },
    { zh: '还贷进度', en: 'Loan status' },
  ],
  auth: 'client_secret_basic',
  scope: 'openid profile realname phone',
  acrValues: 'urn:egret:r1a1',
  sessionMinutes: 30,
};

/** What the API answered, and what the page shows of it. */
type Answer = { status: number; body: Record<string, unknown>; at: number };

/**
 * 公积金: signs in with a secret. Its page calls an API of its own with the access token, and the API, which trusts
 * nobody, asks Egret whether that token is good (introspection, RFC 7662). Routes: POST /balance /refresh,
 * GET /api/balance.
 */
export async function gongjijin(setting: Setting, clock: Clock): Promise<Website> {
  const site = await createWebsite(department, setting, clock);
  const answers = new WeakMap<Session, Answer>();
  balanceApi(site);
  serverSignIn(site, (session, lang) => balanceSection(answers.get(session), session, lang));

  site.app.post('/balance', async (request, reply) => {
    const session = site.session(request);
    if (session !== undefined) {
      answers.set(session, await ask(`${setting.origin}/api/balance`, session.tokens.accessToken, clock));
    }
    return reply.redirect('/#balance', 303);
  });

  site.app.post('/refresh', async (request, reply) => {
    const session = site.session(request);
    if (session !== undefined) {
      const zh = site.lang(request) === 'zh';
      const renewed = await site.party.refresh(session.tokens);
      if (renewed.ok) {
        session.tokens = renewed.tokens;
        session.refreshes += 1;
        session.message = zh ? '令牌换成新的了。' : 'The tokens were renewed.';
      } else {
        session.message = zh
          ? `没有换成：${renewed.error}。可以再试，或者重新登录。`
          : `Not renewed: ${renewed.error}. Try again, or sign in again.`;
      }
    }
    return reply.redirect('/', 303);
  });
  return site;
}

async function ask(api: string, accessToken: string, clock: Clock): Promise<Answer> {
  try {
    const response = await fetch(api, {
      headers: { authorization: `Bearer ${accessToken}` },
      signal: AbortSignal.timeout(15_000),
    });
    const body = (await response.json()) as Record<string, unknown>;
    return { status: response.status, body, at: clock.now() };
  } catch {
    return { status: 504, body: {}, at: clock.now() };
  }
}

function balanceApi({ app, party }: Website): void {
  app.get('/api/balance', async (request, reply) => {
    const bearer = /^Bearer ([\w.~+/-]+=*)$/i.exec(request.headers.authorization ?? '')?.[1];
    if (bearer === undefined) return reply.code(401).header('www-authenticate', 'Bearer').send({ error: 'no_token' });
    const asked = await party.introspect(bearer);
    if (!asked.ok) return reply.code(503).header('retry-after', '5').send({ error: asked.error });
    const { active, client_id, sub, scope, exp } = asked.answer;
    // Active is not enough: the token must have been given to this department, for a person.
    if (!active || client_id !== department.id || typeof sub !== 'string') {
      return reply
        .code(401)
        .header('www-authenticate', 'Bearer error="invalid_token"')
        .send({ error: 'invalid_token' });
    }
    return { balance: inventedBalance(sub), introspection: { active, client_id, scope, exp } };
  });
}

/** The same made-up amount for the same person, in yuan: there is no real account behind the demonstration. */
function inventedBalance(sub: string): string {
  const fen = 1_000_000 + (createHash('sha256').update(sub).digest().readUInt32BE(0) % 20_000_000);
  return (fen / 100).toFixed(2);
}

function balanceSection(answer: Answer | undefined, session: Session, lang: Lang): string {
  const zh = lang === 'zh';
  return html`<section id="balance" aria-labelledby="balance-h"><h2 id="balance-h">${zh ? '账户余额' : 'Balance'}</h2>
!${answer === undefined ? '' : shown(answer, zh)}
<div class="buttons"><form method="post" action="/balance"><button class="own" type="submit">${zh ? '查余额' : 'Show my balance'}</button></form>
!${
    session.tokens.refreshToken === undefined
      ? ''
      : html`<form method="post" action="/refresh"><button class="minor" type="submit">${zh ? '换一张新的令牌' : 'Renew the tokens'}</button></form>`
  }</div>
<p class="small">${zh ? `这次登录里换过 ${session.refreshes} 次令牌。` : `Tokens renewed ${session.refreshes} time(s) in this session.`}</p></section>`;
}

function shown({ status, body, at }: Answer, zh: boolean): string {
  const time = beijingTime(at);
  if (status === 200) {
    const { active, scope, exp } = body.introspection as Record<string, unknown>;
    return html`<p class="amount"><strong>¥ ${body.balance}</strong></p>
<p>${zh ? `${time} 查的。金额是编的。` : `Asked at ${time}. The amount is made up.`}</p>
<dl class="codes"><div><dt>${zh ? '接口向白鹭通行证核对令牌' : 'The API asked Egret about the token'}</dt><dd><code>active: ${active}</code> <code>scope: ${scope}</code>!${
      typeof exp === 'number' ? html` <code>exp: ${beijingTime(exp * 1000)}</code>` : ''
    }</dd></div></dl>`;
  }
  if (status === 401) {
    return notice(
      'limited',
      zh ? '令牌不管用了' : 'The token no longer works',
      zh
        ? `${time} 接口不认这张令牌。换一张新的，或者重新登录。`
        : `At ${time} the API refused it. Renew it, or sign in again.`,
    );
  }
  return notice(
    'failed',
    zh ? '现在查不到' : 'Not available right now',
    zh ? '接口连不上白鹭通行证。过一会儿再查。' : 'The API cannot reach Egret. Try again shortly.',
  );
}
