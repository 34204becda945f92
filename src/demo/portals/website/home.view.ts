import { html } from 'ghtml';
import { type Department, type Lang, type Level, levelAsked, levelReached, readAcr } from './department.ts';
import { facts, notice, say, signInLink, tide } from './page.view.ts';
import { allClaims, received } from './received.view.ts';
import type { Ended, Session } from './sessions.ts';

/** What stands where the sign-in button goes, before a sign-in. */
export function signedOutAction(lang: Lang, installed: boolean, ended: Ended | undefined): string {
  const zh = lang === 'zh';
  const why =
    ended === undefined
      ? ''
      : ended === 'notice'
        ? notice(
            'tip',
            zh ? '你已退出本网站' : 'You are signed out here',
            zh ? '白鹭通行证通知本网站，你退出了。' : 'Egret told this website that you signed out.',
          )
        : notice(
            'tip',
            zh ? '登录到时间了' : 'Your session has ended',
            zh ? '为了安全，请再登录一次。' : 'For your safety, please sign in again.',
          );
  if (!installed) {
    return html`!${why}!${notice(
      'limited',
      zh ? '现在还不能登录' : 'You cannot sign in yet',
      zh
        ? '本网站接入白鹭通行证的密钥还没有装上。装好以后，这里会出现登录按钮。'
        : 'The secret with which this website joins Egret is not installed yet. The sign-in button appears here once it is.',
    )}<p><a href="/">${zh ? '再看一次' : 'Look again'}</a></p>`;
  }
  return html`!${why}<p>!${signInLink(lang)}</p>
<p class="small">${zh ? '已在其他部门登录过的，不用再登。' : 'If you are signed in at another department, you need not sign in again.'}</p>
<p class="small"><a href="/counters">${zh ? '不会上网？查最近的窗口' : 'Prefer to come in person? Find a counter'}</a></p>`;
}

/** Who is here, how well known, and the way out. */
function signedInAction(session: Session, lang: Lang): string {
  const zh = lang === 'zh';
  const claims = allClaims(session);
  const { level: asked, strength } = readAcr(claims.acr);
  // acr answers what was asked for; the claim says what was reached
  const level = typeof claims.realname_level === 'number' ? (claims.realname_level as Level) : asked;
  const name = typeof claims.nickname === 'string' ? claims.nickname : undefined;
  return html`<div class="who" id="signed-in">
<p class="hello">${zh ? '你好' : 'Hello'}!${name === undefined ? '' : html`${zh ? '，' : ', '}<strong>${name}</strong>`}</p>
<p class="level">!${tide(level)} ${levelReached(level)[zh ? 'zh' : 'en']}<span class="small">${zh ? `登录强度 ${strength}` : `sign-in strength ${strength}`}</span></p>
!${session.message === undefined ? '' : html`<p class="message" role="status">${session.message}</p>`}
!${
    session.userinfo === undefined
      ? notice(
          'limited',
          zh ? '有的信息暂时取不到' : 'Some information is not available right now',
          zh ? '登录是成功的。过一会儿再取一次。' : 'You are signed in. Try again shortly.',
        )
      : ''
  }
<div class="buttons">
<form method="post" action="/sign-out"><button class="minor" type="submit">${zh ? '退出' : 'Sign out'}</button></form>
<form method="post" action="/userinfo"><button class="minor" type="submit">${zh ? '再取一次用户信息' : 'Ask for userinfo again'}</button></form>
</div></div>`;
}

/** The page of the matter. `action` is what stands beside the facts, `below` what the person received. */
export function home(about: {
  department: Department;
  lang: Lang;
  signedIn: boolean;
  action: string;
  below: string;
  panel: string;
}): string {
  const { department, lang } = about;
  const zh = lang === 'zh';
  // Before a sign-in the level is read before the button; afterwards who is here matters first.
  const before = facts(department, levelAsked(department.level), lang);
  const action = html`<div class="action">!${about.action}</div>`;
  return html`<div class="hero">
<div class="head"><h1>${say(department.matter, lang)}</h1><p class="lead">${say(department.lead, lang)}</p></div>
!${about.signedIn ? html`!${action}!${before}` : html`!${before}!${action}`}
</div>
!${about.below}
<section class="services" aria-labelledby="services-h"><h2 id="services-h">${zh ? '常办的事' : 'Other services'}</h2>
<ul>!${department.services.map((service) => html`<li>${say(service, lang)}</li>`)}</ul>
<p class="small">${zh ? '演示里只列名字，不能点。' : 'Names only: these are not part of the demonstration.'}</p></section>
!${about.panel}`;
}

/** The two parts of the page for someone signed in; `section` is the department's own. */
export const signedInParts = (session: Session, lang: Lang, section: string): { action: string; below: string } => ({
  action: signedInAction(session, lang),
  below: html`<div class="part">!${section}</div><section class="received">!${received(session, lang)}</section>`,
});
