import { html } from 'ghtml';
import { page } from '../page.view.ts';
import type { Person } from './people.ts';

/** 测试人员: the whole table, to read and to copy from. */
export function peoplePage(people: readonly Person[]): string {
  return page(
    '测试人员',
    html`<p>这些人都是编的。姓名、号码、手机号三项填对，核验按“情况”一栏回应。</p>
<div class="scroll" tabindex="0" role="region" aria-label="测试人员表">
<table>
<thead><tr><th scope="col">姓名</th><th scope="col">证件号码</th><th scope="col">手机号</th><th scope="col">等级</th><th scope="col">情况</th></tr></thead>
<tbody>
!${people.map(
      ({ name, number, mobile, level, note, code }) => html`<tr>
<th scope="row">${name}</th><td class="number">${number}</td><td class="number">${mobile}</td><td>${level}</td><td>${note}${code ? `（${code}）` : ''}</td>
</tr>`,
    )}
</tbody>
</table>
</div>`,
  );
}
