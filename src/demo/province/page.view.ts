import { html } from 'ghtml';

/** A page of the simulated platform: Chinese, without scripts, and never to be taken for the real one. */
export function page(title: string, main: string): string {
  return html`<!doctype html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} - 省统一登录（演示）</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/province.css">
</head>
<body>
<header>
<p class="strip">演示：模拟的省平台，不是真实网站。人和号码都是编的，不要填真实信息。 <span lang="en">Demonstration only.</span></p>
<p class="site">省社会用户统一登录平台<span>演示</span></p>
</header>
<main>
<h1>${title}</h1>
!${main}
</main>
<footer><nav aria-label="演示工具"><a href="/__sim/inbox">短信收件箱</a> <a href="/__sim/people">测试人员</a></nav></footer>
</body>
</html>
`;
}

/** `2026-11-24 17:10:09`, by Beijing's clock. */
export function written(at: number): string {
  return new Date(at + 8 * 3_600_000).toISOString().slice(0, 19).replace('T', ' ');
}
