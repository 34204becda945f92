import type { Html, PageContext } from './html.ts';
import { masked } from './parts.view.ts';

/** A person as pages show them: the masked name, or the masked mobile of somebody without a verified name. */
export const personName = (context: PageContext, value: string): Html =>
  masked(context, /\d/.test(value) ? 'number' : 'name', value);
