import { shown, type View } from '../web/html.ts';
import { privacy } from '../web/words/privacy.ts';
import { article } from './article.view.ts';

export const privacyView: View<Record<string, never>> = (_model, context) => article(context, privacy);

export const views = { privacy: shown(privacyView, { only: {} }) };
