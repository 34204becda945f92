import { html } from 'ghtml';
import type { Lang, Text } from './department.ts';
import { signInLink } from './page.view.ts';
import type { Refusal } from './relying-party.ts';

export interface Page {
  readonly status: number;
  readonly title: string;
  readonly main: string;
}

const away: Text = {
  zh: '现在连不上白鹭通行证，或者它正忙。请过一会儿再试；急的话请到窗口办。',
  en: 'Egret cannot be reached or is busy. Try again shortly, or come to a counter if it is urgent.',
};

const refusals: Record<string, { status: number; text: Text }> = {
  access_denied: {
    status: 403,
    text: {
      zh: '你没有同意，或者中途返回了。本网站没有拿到任何信息。',
      en: 'You declined or went back. This website received nothing.',
    },
  },
  unmet_authentication_requirements: {
    status: 403,
    text: {
      zh: '办这件事要的级别，这次没有达到。可以再试，也可以到窗口办。',
      en: 'The level this service needs was not reached. Try again, or come to a counter.',
    },
  },
  unreachable: { status: 503, text: away },
  temporarily_unavailable: { status: 503, text: away },
  server_error: { status: 503, text: away },
  secret_missing: {
    status: 503,
    text: {
      zh: '本网站接入白鹭通行证的密钥还没有装上，现在还不能登录。',
      en: 'The secret with which this website joins Egret is not installed yet, so you cannot sign in.',
    },
  },
  stale: {
    status: 400,
    text: {
      zh: '这次登录放太久了，用过了，或者不是在这个浏览器里开始的。请从这里重新开始。',
      en: 'This sign-in is too old, was used already, or began in another browser. Start again from here.',
    },
  },
  ended: {
    status: 403,
    text: {
      zh: '你刚刚在白鹭通行证退出了，所以这次登录不算数。',
      en: 'You have just signed out at Egret, so this sign-in does not count.',
    },
  },
};

const unproved: { status: number; text: Text } = {
  status: 400,
  text: {
    zh: '白鹭通行证的回答没有通过核对，所以没有登录。你的信息是安全的。',
    en: 'The answer from Egret did not pass our checks, so you were not signed in. Your information is safe.',
  },
};

/** A sign-in that did not work: what happened, in whose words, and how to go on. */
export function refusedPage(refusal: Refusal, lang: Lang): Page {
  const zh = lang === 'zh';
  const { status, text } = refusals[refusal.error] ?? unproved;
  const title = zh ? '登录没有完成' : 'Sign-in was not completed';
  const again = refusal.error === 'secret_missing' ? html`<p><a href="/">${zh ? '返回' : 'Back'}</a></p>` : '';
  return {
    status,
    title,
    main: html`<div class="reading" id="refused"><h1>${title}</h1><p class="lead">${text[lang]}</p>
!${again || html`<p class="again">${zh ? '再试一次：' : 'Try again:'}</p><p>!${signInLink(lang)}</p><p><a href="/">${zh ? '先不登录，返回' : 'Back without signing in'}</a> · <a href="/counters">${zh ? '查最近的窗口' : 'Find a counter'}</a></p>`}
<dl class="codes"><div><dt>${zh ? '错误代码' : 'Error code'}</dt><dd><code>${clip(refusal.error)}</code></dd></div>
!${refusal.description === undefined ? '' : html`<div><dt>${zh ? '说明' : 'Details'}</dt><dd><code>${clip(refusal.description)}</code></dd></div>`}</dl></div>`,
  };
}

const clip = (text: string): string => (text.length > 300 ? `${text.slice(0, 300)}…` : text);

/** The department's own way out, to which Egret's result page links when this department has not answered. */
export function signOutPage(signedIn: boolean, lang: Lang): Page {
  const zh = lang === 'zh';
  const title = zh ? '退出本网站' : 'Sign out of this website';
  const forms = html`<p class="lead">${zh ? '你登录着本网站。' : 'You are signed in here.'}</p>
<div class="buttons"><form method="post" action="/sign-out"><input type="hidden" name="where" value="here"><button class="own" type="submit">${zh ? '只退出本网站' : 'Sign out here only'}</button></form>
<form method="post" action="/sign-out"><button class="minor" type="submit">${zh ? '退出，再去白鹭通行证选' : 'Sign out, then choose at Egret'}</button></form></div>`;
  const none = html`<p class="lead">${zh ? '你没有登录本网站，不用退出。' : 'You are not signed in here. There is nothing to sign out of.'}</p>`;
  return {
    status: 200,
    title,
    main: html`<div class="reading"><h1>${title}</h1>!${signedIn ? forms : none}<p><a href="/">${zh ? '返回' : 'Back'}</a></p></div>`,
  };
}

export type SignedOut = 'returned' | 'here' | 'gateway-away' | 'still-in';

const signedOutTexts: Record<SignedOut, { title: Text; lead: Text }> = {
  returned: {
    title: { zh: '已退出本网站', en: 'You are signed out here' },
    lead: { zh: '白鹭通行证那边，按你刚才选的办了。', en: 'At Egret, what you chose was done.' },
  },
  here: {
    title: { zh: '已退出本网站', en: 'You are signed out here' },
    lead: {
      zh: '白鹭通行证和别的部门可能还登录着。在公用电脑上，请到白鹭通行证全部退出。',
      en: 'You may still be signed in at Egret and at other departments. On a shared computer, sign out of all of them at Egret.',
    },
  },
  'gateway-away': {
    title: { zh: '已退出本网站', en: 'You are signed out here' },
    lead: {
      zh: '但是现在连不上白鹭通行证，那边还登录着。在公用电脑上，请关掉浏览器。',
      en: 'But Egret cannot be reached, and you are still signed in there. On a shared computer, close the browser.',
    },
  },
  'still-in': {
    title: { zh: '你还登录着本网站', en: 'You are still signed in here' },
    lead: { zh: '要退出，请按下面的按钮。', en: 'To sign out, use the button below.' },
  },
};

export function signedOutPage(kind: SignedOut, lang: Lang): Page {
  const zh = lang === 'zh';
  const { title, lead } = signedOutTexts[kind];
  const next =
    kind === 'still-in'
      ? html`<form method="post" action="/sign-out"><button class="own" type="submit">${zh ? '退出' : 'Sign out'}</button></form>`
      : html`<p>!${signInLink(lang)}</p>`;
  return {
    status: 200,
    title: title[lang],
    main: html`<div class="reading" id="${kind === 'still-in' ? 'still-in' : 'signed-out'}"><h1>${title[lang]}</h1><p class="lead">${lead[lang]}</p>!${next}<p><a href="/">${zh ? '回到办事页面' : 'Back to the service'}</a></p></div>`,
  };
}
