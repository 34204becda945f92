import { html } from 'ghtml';
import { page } from '../page.view.ts';
import type { Person } from '../people/people.ts';

export interface LoginPage {
  readonly callerCode: string;
  readonly returnUrl: string;
  readonly people: readonly Person[];
  readonly refused?: 'outside' | 'nobody' | 'two accounts';
}

const refusals = {
  outside: '这里只能用测试人员。刚才的号码不在测试号段，没有收下，也没有记下。',
  nobody: '测试人员里没有这个号码。',
  'two accounts': '这个号码有两个账号，请选一个。',
} as const;

/** 统一登录, without a password: whom to be signed in as is chosen, or given by number. */
export function loginPage({ callerCode, returnUrl, people, refused }: LoginPage): string {
  const hidden = html`<input type="hidden" name="callerCode" value="${callerCode}"><input type="hidden" name="returnurl" value="${returnUrl}">`;
  return page(
    '统一登录',
    html`!${refused ? html`<p class="refused" role="alert">${refusals[refused]}</p>` : ''}
<p>登录以后回到 <b>${new URL(returnUrl).host}</b>（${callerCode}）。这里没有密码：选一个测试人员就行。</p>
<form method="post" action="/dataset/UnifiedController/login.do">
!${hidden}
<label for="number">测试人员的证件号码</label>
<input id="number" name="number" autocomplete="off" autocapitalize="characters" spellcheck="false" required>
<button class="main">登录</button>
</form>
<p><a href="${returnUrl}">不登录，返回</a></p>
<h2>选一个测试人员</h2>
<form method="post" action="/dataset/UnifiedController/login.do">
!${hidden}
<ul class="people">
!${people.map(
      ({ key, name, number, note, level }) => html`<li>
<span><b>${name}</b> <span class="number">${number}</span><br><span class="soft">${note} · ${level} 级</span></span>
<button name="person" value="${key}" aria-label="用${name}登录，${note}">用这个人登录</button>
</li>`,
    )}
</ul>
</form>`,
  );
}

/** Who asks, or where to go back to, is not known here: nobody is sent anywhere. */
export function strangerPage(): string {
  return page('这个链接用不了', html`<p>链接里的调用方或返回地址没有登记过。请回到原来的网站，重新进入登录。</p>`);
}
