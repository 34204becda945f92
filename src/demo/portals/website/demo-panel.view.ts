import { html } from 'ghtml';
import type { Lang, Text } from './department.ts';
import { type LogoutMode, type LogoutNotices, logoutModes, type Notice } from './logout-notices.ts';
import { table } from './page.view.ts';
import { beijingTime } from './times.ts';

const modes: Record<LogoutMode, Text> = {
  normal: { zh: '正常', en: 'Normally' },
  slow: { zh: '很慢（20 秒）', en: 'Slowly (20 s)' },
  error: { zh: '错误（500）', en: 'With an error (500)' },
  hang: { zh: '不回', en: 'Not at all' },
};

function outcome(notice: Notice, lang: Lang): string {
  const zh = lang === 'zh';
  switch (notice.outcome) {
    case 'accepted':
      if (!notice.ended) return zh ? '✓ 照办' : '✓ Done';
      return zh ? `✓ 照办，结束了 ${notice.ended} 个登录` : `✓ Done, ended ${notice.ended} session(s)`;
    case 'refused':
      return zh ? `✕ 没通过核对：${notice.reason}` : `✕ Refused: ${notice.reason}`;
    case 'waiting':
      return zh ? '… 还没有回答' : '… Not answered yet';
    case 'failed':
      return zh ? '! 回了错误，没有照办' : '! Answered with an error, nothing ended';
    case 'unanswered':
      return zh ? '! 没有回答，没有照办' : '! Not answered, nothing ended';
  }
}

/** For the demonstration: the notices that came, and the switch for how the next one is answered. */
export function demoPanel(notices: LogoutNotices, lang: Lang): string {
  const zh = lang === 'zh';
  const rows = notices
    .list()
    .map((notice) => [
      html`<time datetime="${new Date(notice.at).toISOString()}">${beijingTime(notice.at)}</time>`,
      html`<span class="value">${notice.sid ?? notice.sub ?? (zh ? '没有读' : 'not read')}</span>`,
      html`${outcome(notice, lang)}`,
    ]);
  return html`<section class="demo" id="notices" aria-labelledby="notices-h">
<h2 id="notices-h">${zh ? '演示用：退出通知' : 'For the demonstration: logout notices'}</h2>
!${
    rows.length === 0
      ? html`<p>${
          zh
            ? '还没有收到退出通知。在白鹭通行证或别的部门全部退出，这里就会收到。'
            : 'No logout notice yet. Sign out everywhere at Egret or at another department, and one arrives here.'
        }</p>`
      : table(
          'notice-list',
          zh ? '最近收到的退出通知' : 'Logout notices received',
          zh ? ['时间', '哪次登录', '怎么回的'] : ['Time', 'Which sign-in', 'Answer'],
          rows,
        )
  }
<form method="post" action="/logout-mode">
<fieldset><legend>${zh ? '下一次收到退出通知，本网站怎么回' : 'How this website answers the next notice'}</legend>
!${logoutModes.map(
    (mode) =>
      html`<label class="choice"><input type="radio" name="mode" value="${mode}"${mode === notices.mode ? ' checked' : ''}> ${modes[mode][lang]}</label>`,
  )}
</fieldset>
<button class="minor" type="submit">${zh ? '就这样回' : 'Answer like this'}</button>
</form>
</section>`;
}
