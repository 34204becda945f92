import { buttonLink } from './form.view.ts';
import { shown, type View } from './html.ts';
import { page } from './layout.view.ts';
import type { Department } from './parts.view.ts';
import { departments } from './samples.ts';
import { errorWords } from './words/errors.ts';

/**
 * The one page between our forms and other sites: `form-action 'self'` stops a form's redirect to another origin, so a
 * POST answers 303 to this page, and it goes on by itself, without a script. The address comes from stored state only.
 */
export interface OnwardPage {
  readonly href: string;
  readonly department?: Department;
}

export const onwardView: View<OnwardPage> = (model, context) => {
  const words = errorWords(context);
  const { department } = model;
  return page(context, {
    title: department ? words.onwardTitle(department.short[context.lang]) : words.onwardPlain,
    lead: words.onwardLead,
    onward: model.href,
    body: buttonLink({ text: words.onwardGo, href: model.href }),
  });
};

export const views = {
  onward: shown(onwardView, {
    department: { href: '/elsewhere?code=a&state=b', department: departments.renshe },
    plain: { href: '/elsewhere' },
  }),
};
