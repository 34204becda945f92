import { html } from 'ghtml';
import type { Lang, Text } from './department.ts';
import { table } from './page.view.ts';
import type { Session } from './sessions.ts';
import { beijingTime } from './times.ts';

const meaning: Record<string, Text> = {
  iss: { zh: '谁签发的', en: 'Issued by' },
  aud: { zh: '发给哪个网站', en: 'Issued to' },
  sub: { zh: '你在本部门的专用编号，别的部门对不上', en: 'Your number at this department only' },
  sid: { zh: '这次登录的编号', en: 'Number of this sign-in' },
  acr: { zh: '实名级别和登录强度', en: 'Level of verification, strength of sign-in' },
  amr: { zh: '用什么方式登录的', en: 'How you signed in' },
  user_type: { zh: '个人还是法人', en: 'Individual or organisation' },
  nickname: { zh: '称呼（遮住一部分）', en: 'Name, partly hidden' },
  updated_at: { zh: '资料更新时间', en: 'Last updated' },
  phone_number: { zh: '手机号', en: 'Mobile' },
  phone_number_verified: { zh: '手机号核对过', en: 'Mobile was verified' },
  realname_level: { zh: '实名级别', en: 'Level of verification' },
  realname_name: { zh: '姓名', en: 'Name' },
  realname_id_masked: { zh: '证件号（遮住一部分）', en: 'ID number, partly hidden' },
  id_name: { zh: '证件上的姓名', en: 'Name on the document' },
  id_number: { zh: '证件号', en: 'ID number' },
  id_type: { zh: '证件类型', en: 'Type of document' },
};

const times: Record<string, Text> = {
  auth_time: { zh: '你登录的时间', en: 'You signed in' },
  iat: { zh: '身份令牌签发', en: 'ID token issued' },
  exp: { zh: '身份令牌到期', en: 'ID token expires' },
  access: { zh: '访问令牌到期', en: 'Access token expires' },
  session: { zh: '本网站最迟到这时要重新登录', en: 'Latest end of your session here' },
};

const machinery = new Set(['nonce', 'at_hash', 'c_hash', 's_hash', 'iat', 'exp', 'auth_time', 'nbf']);

/** Everything that was received about the person, ID token and userinfo together. */
export const allClaims = (session: Session): Record<string, unknown> => ({
  ...session.tokens.idClaims,
  ...session.userinfo,
});

/** Sensitive values stay out of sight on the page of the one who received them, too. */
function shown(claim: string, value: unknown, lang: Lang): string {
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  const hidden = (front: number, back: number) =>
    text.slice(0, front) + '*'.repeat(Math.max(text.length - front - back, 0)) + text.slice(-back);
  const whole = lang === 'zh' ? '（收到完整的，这里遮住一部分）' : ' (received in full, partly hidden here)';
  if (claim === 'id_number') return hidden(3, 2) + whole;
  if (claim === 'phone_number') return hidden(6, 4) + whole;
  if (claim === 'updated_at' && typeof value === 'number') return beijingTime(value * 1000);
  return text;
}

/** The two tables: what was received, and the times of the tokens. */
export function received(session: Session, lang: Lang): string {
  const { idClaims, accessExpiresAt } = session.tokens;
  const zh = lang === 'zh';
  const source = (claim: string) => {
    const inToken = claim in idClaims;
    const inUserinfo = session.userinfo !== undefined && claim in session.userinfo;
    if (inToken && inUserinfo) return zh ? '身份令牌、用户信息' : 'ID token, userinfo';
    return inToken ? (zh ? '身份令牌' : 'ID token') : zh ? '用户信息' : 'userinfo';
  };
  const claims = Object.entries(allClaims(session)).filter(([claim]) => !machinery.has(claim));
  const rows = claims.map(([claim, value]) => [
    named(claim, meaning[claim]?.[lang]),
    html`<span class="value">${shown(claim, value, lang)}</span>`,
    source(claim),
  ]);
  const seconds = (value: unknown) => (typeof value === 'number' ? value * 1000 : undefined);
  const moments: [string, number | undefined][] = [
    ['auth_time', seconds(idClaims.auth_time)],
    ['iat', seconds(idClaims.iat)],
    ['exp', seconds(idClaims.exp)],
    ['access', accessExpiresAt],
    ['session', session.endsAt],
  ];
  const timeRows = moments
    .filter((row): row is [string, number] => row[1] !== undefined)
    .map(([name, at]) => [
      named(name === 'access' || name === 'session' ? '' : name, times[name]![lang]),
      html`<time datetime="${new Date(at).toISOString()}">${beijingTime(at)}</time>`,
    ]);
  return html`!${table(
    'claims',
    zh ? '本网站收到的信息' : 'What this website received',
    zh ? ['项目', '内容', '从哪来'] : ['Item', 'Value', 'From'],
    rows,
  )}
!${table('times', zh ? '令牌的时间（北京时间）' : 'Times of the tokens (Beijing time)', zh ? ['项目', '时间'] : ['Item', 'Time'], timeRows)}`;
}

const named = (code: string, words: string | undefined): string =>
  html`!${words === undefined ? '' : html`${words} `}!${code === '' ? '' : html`<code>${code}</code>`}`;
