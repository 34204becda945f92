import { html } from 'ghtml';
import { page, written } from '../page.view.ts';
import type { Message } from './inbox.ts';

/** 短信收件箱: what telephones would have shown, the latest first. It does not reload by itself: people read here. */
export function inboxPage(view: { messages: readonly Message[]; mobile: string; refused: number }): string {
  const { messages, mobile, refused } = view;
  return page(
    '短信收件箱',
    html`<p>发给测试手机号的短信都到这里，最新的在最前面。只收 154 开头的测试号段。</p>
<form method="get" action="/__sim/inbox">
<label for="mobile">只看一个手机号（不填就看全部）</label>
<input id="mobile" name="mobile" inputmode="numeric" autocomplete="off" value="${mobile}">
<button class="main">刷新</button>
</form>
!${refused ? html`<p class="refused">有 ${refused} 条短信发往测试号段以外的号码，没有收下，号码也没有记下。</p>` : ''}
!${
      messages.length
        ? html`<ol class="messages">
!${messages.map(
            ({ at, mobile, params, text }) => html`<li>
<p class="soft"><time datetime="${new Date(at).toISOString()}">${written(at)}</time> · <span class="number">${mobile}</span></p>
!${params.code ? html`<p class="code">${params.code}</p>` : ''}
<p>${text}</p>
</li>`,
          )}
</ol>`
        : html`<p>还没有短信。在网站上点“发送验证码”，再回到这里刷新。</p>`
    }`,
  );
}
