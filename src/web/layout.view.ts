import { drawing } from './assets/drawing.ts';
import { icon, mark } from './assets/icons.ts';
import { assets } from './assets.ts';
import { type Content, type Html, html, nothing, type PageContext } from './html.ts';
import { errorSummary, masked, type Problem } from './parts.view.ts';
import { pageWords } from './words/page.ts';
import { clockTime } from './words.ts';

/** Addresses every page links to. */
export const places = {
  home: '/',
  account: '/account',
  signOut: '/sign-out',
  accessibility: '/accessibility',
  privacy: '/privacy',
  terms: '/terms',
  faq: '/faq',
  outage: '/outage',
  call: 'tel:12345',
} as const;

/** What stands on one page. */
export interface PageContent {
  /** The step in the title of the window, `{step} - 白鹭通行证`, and in the one h1 unless `heading` says otherwise. */
  readonly title: string;
  readonly heading?: Content;
  /** A sentence under the heading. */
  readonly lead?: Content;
  /** Above the heading: where this leads (`contextLine`), which step it is (`stepper`). */
  readonly above?: Content;
  readonly body: Content;
  /** Beside the body on a desktop, under it on a phone. */
  readonly aside?: Content;
  /** In front of the body in the order of reading: the menu of the account centre. */
  readonly menu?: Content;
  /** What has to be mended: the summary comes first in main, and the title says 错误. */
  readonly problems?: readonly Problem[];
  /** An error page: the title says 错误 though nothing is to be mended here. */
  readonly failed?: boolean;
  /**
   * `form` a narrow column; `panel` the same, beside the egret on a desktop (pages before somebody is signed in);
   * `reading` a column for text; `wide` the whole width. `form` unless said.
   */
  readonly shape?: 'form' | 'panel' | 'reading' | 'wide';
  /** Goes on by itself to this address at once (meta refresh), for the redirects a form may not make. */
  readonly onward?: string;
}

/** A whole document. */
export function page(context: PageContext, content: PageContent): string {
  const words = pageWords(context);
  const problems = content.problems ?? [];
  const shape = content.shape ?? 'form';
  const title = problems.length > 0 || content.failed ? words.errorTitle(content.title) : content.title;
  return html`<!doctype html>
<html lang="${context.lang}" data-mode="${context.mode}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="same-origin">
<meta name="format-detection" content="telephone=no">
<meta name="color-scheme" content="light dark">
${content.onward && html`<meta http-equiv="refresh" content="0;url=${content.onward}">`}
<title>${title} - ${words.name}</title>
<link rel="icon" href="${assets.icon.path}" type="image/svg+xml">
<link rel="stylesheet" href="${assets.style.path}">
<script src="${assets.script.path}" defer></script>
</head>
<body class="${shape}">
<a class="skip" href="#main">${words.skip}</a>
${shape === 'panel' && scene(context)}
${header(context)}
<main id="main" tabindex="-1">
${context.banner && banner(context)}
${errorSummary(context, problems)}
${content.menu}
<div class="content">
${content.above}
<div class="top">
<h1>${content.heading ?? content.title}</h1>
${content.lead && html`<p class="lead">${content.lead}</p>`}
</div>
${content.body}
</div>
${content.aside && html`<div class="aside">${content.aside}</div>`}
${sessionEnd(context)}
${offline(context)}
</main>
${footer(context)}
</body>
</html>
`.toString();
}

const switchTo = (context: PageContext, what: string): string =>
  `/preferences?${what}&back=${encodeURIComponent(context.path)}`;

const languageLink = (context: PageContext): Html =>
  context.lang === 'zh-CN'
    ? html`<a class="language" lang="en" hreflang="en" href="${switchTo(context, 'lang=en')}" rel="nofollow">English</a>`
    : html`<a class="language" lang="zh-CN" hreflang="zh-CN" href="${switchTo(context, 'lang=zh-CN')}" rel="nofollow">中文</a>`;

function modeLink(context: PageContext): Html {
  const words = pageWords(context);
  const large = context.mode === 'large';
  return html`<a class="mode" href="${switchTo(context, large ? 'mode=standard' : 'mode=large')}" rel="nofollow">${large ? words.standard : words.large}</a>`;
}

/**
 * Before sign-in the switches stand at the top. Signed in, the person and 退出 take that place, and the switches move
 * to the footer; the large edition keeps the way back to the standard one at the top, always.
 */
function header(context: PageContext): Html {
  const words = pageWords(context);
  const large = context.mode === 'large';
  return html`<header class="site">
<div class="bar">
<a class="brand" href="${places.home}">${mark}<span class="names"><span class="name">${words.name}</span> <span class="tagline">${words.tagline}</span></span></a>
${
  context.person && !large
    ? html`<div class="tools">${person(context)}</div>`
    : html`<nav class="tools" aria-label="${words.settings}">${modeLink(context)}${!large && languageLink(context)}</nav>`
}
</div>
${context.person && large && html`<div class="bar second">${person(context)}</div>`}
</header>`;
}

function person(context: PageContext): Html {
  const words = pageWords(context);
  const large = context.mode === 'large';
  return html`<a class="person" href="${places.account}"><span class="hidden">${words.person} </span>${masked(context, 'name', context.person?.maskedName ?? '')}</a>
<a class="leave" href="${places.signOut}">${icon('leave')}<span class="${large ? 'word' : 'hidden'}">${words.signOut}</span></a>`;
}

/** The egret on the left of a desktop. The words in it are in the header too. */
const scene = (context: PageContext): Html =>
  html`<div class="scene" aria-hidden="true"><div class="still"><p class="slogan">${pageWords(context)
    .slogan.split('\n')
    .map((line) => html`<span>${line}</span>`)}</p>${drawing}</div></div>`;

function banner(context: PageContext): Html {
  const words = pageWords(context);
  const { since, nextUpdate } = context.banner ?? { since: context.now };
  return html`<section class="notice limited banner" aria-labelledby="outage-title">${icon('warning')}
<div><p class="notice-title" id="outage-title">${words.outageTitle(clockTime(since))}</p>
<p>${words.outageText}${nextUpdate !== undefined && words.outageNext(clockTime(nextUpdate))}${words.outageEnds}</p>
${context.path.split('?')[0] !== places.outage && html`<p><a href="${places.outage}">${words.outageMore}</a></p>`}</div></section>`;
}

/** Shown by the script only. */
function offline(context: PageContext): Html {
  const words = pageWords(context);
  return html`<div class="notice limited" role="status" data-offline hidden><p class="notice-title">${words.offlineTitle}</p><p>${words.offline}</p></div>`;
}

/** Minutes before the end of a session that its page says so: time to read it, in the large edition twice as much. */
const warning = { standard: 2, large: 4 } as const;

/** Shown by the script only, when that time has come. */
function sessionEnd(context: PageContext): Content {
  if (!context.sessionEnd) return nothing;
  const words = pageWords(context);
  const minutes = warning[context.mode];
  const shownAfter = Math.max(0, context.sessionEnd.at - context.now - minutes * 60_000);
  return html`<div class="notice limited" role="status" data-shown-after="${String(shownAfter)}" hidden><p class="notice-title">${words.sessionEnds(minutes)}</p><p><a class="button outline" href="${context.sessionEnd.stay}">${words.stay}</a></p></div>`;
}

function footer(context: PageContext): Html {
  const words = pageWords(context);
  const large = context.mode === 'large';
  const moved = context.person !== undefined || large;
  return html`<footer class="site">
<div class="bar">
<nav class="foot-links" aria-label="${words.footer}">
<a href="${places.accessibility}">${words.accessibility}</a>
<a href="${places.privacy}">${words.privacy}</a>
<a href="${places.terms}">${words.terms}</a>
<a href="${places.faq}">${words.faq}</a>
<a href="${places.call}">${words.call}</a>
${moved ? html`${!large && modeLink(context)}${languageLink(context)}` : nothing}
</nav>
<p class="foot-line">${context.demo ? words.demo : words.platform}</p>
</div>
</footer>`;
}
