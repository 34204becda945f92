import { shown, type View } from '../web/html.ts';
import { faq } from '../web/words/faq.ts';
import { article } from './article.view.ts';

export const faqView: View<Record<string, never>> = (_model, context) => article(context, faq);

export const views = { faq: shown(faqView, { only: {} }) };
