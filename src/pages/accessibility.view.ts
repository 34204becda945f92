import { shown, type View } from '../web/html.ts';
import { accessibility } from '../web/words/accessibility.ts';
import { article } from './article.view.ts';

export const accessibilityView: View<Record<string, never>> = (_model, context) => article(context, accessibility);

export const views = { accessibility: shown(accessibilityView, { only: {} }) };
