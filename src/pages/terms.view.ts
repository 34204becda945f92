import { shown, type View } from '../web/html.ts';
import { terms } from '../web/words/terms.ts';
import { article } from './article.view.ts';

export const termsView: View<Record<string, never>> = (_model, context) => article(context, terms);

export const views = { terms: shown(termsView, { only: {} }) };
