import { type Html, html } from '../html.ts';

/** The egret in the shallows. Decoration. */
export const drawing: Html = html`<svg class="drawing" viewBox="0 0 520 713" preserveAspectRatio="xMidYMax slice" aria-hidden="true" focusable="false"></svg>`;
