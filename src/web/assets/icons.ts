import { type Html, html } from '../html.ts';

/**
 * The mark, the waves and the icons, as elements in the page: they take the colour of the text beside them, also where
 * colours are forced. All of them are decoration: the word stands beside each.
 */
export const icons = {
  phone: html`<rect x="7" y="2.5" width="10" height="19" rx="2"/><path d="M10.5 18.5h3"/>`,
  lock: html`<rect x="4.5" y="10.5" width="15" height="10.5" rx="2"/><path d="M8 10.5V7.2a4 4 0 0 1 8 0v3.3"/>`,
  clock: html`<circle cx="12" cy="12" r="9"/><path d="M12 6.8V12l3.6 2.2"/>`,
  again: html`<path d="M4 8h15m-4.5-4.5L19 8l-4.5 4.5M20 18H4"/>`,
  counter: html`<path d="M3 9.5 12 3.5l9 6zM4.5 20.5h15M6.5 12.5v5M10.2 12.5v5M13.8 12.5v5M17.5 12.5v5"/>`,
  people: html`<circle cx="9" cy="7.5" r="3.5"/><path d="M2.5 20.5c0-4 2.9-6.5 6.5-6.5s6.5 2.5 6.5 6.5M17.5 15.6c2.5.5 4.2 2.3 4.2 4.9"/><circle cx="17.3" cy="10" r="2.5"/>`,
  call: html`<path d="M5 3.5h3.2l1.7 4.6-2.2 1.8a12.5 12.5 0 0 0 6.4 6.4l1.8-2.2 4.6 1.7V19a2 2 0 0 1-2.2 2C10.4 20.4 3.6 13.6 3 5.7A2 2 0 0 1 5 3.5z"/>`,
  leave: html`<path d="M10 3.5H4.5v17H10M9.5 12H20.5m-4-4 4 4-4 4"/>`,
  next: html`<path d="m9 5 7 7-7 7"/>`,
  check: html`<path d="m4.5 12.5 5 5L20 6.5"/>`,
  warning: html`<path d="M12 3.5 22 20.5H2z"/><path d="M12 10v5"/><path d="M12 17.6v.3"/>`,
  cross: html`<path d="m6 6 12 12M18 6 6 18"/>`,
  monitor: html`<rect x="2.5" y="4" width="19" height="12.5" rx="1.5"/><path d="M12 16.5V20.5M7.5 20.5h9"/>`,
  card: html`<rect x="2.5" y="4.5" width="19" height="15" rx="1.5"/><circle cx="8.5" cy="10.5" r="2"/><path d="M5.5 16c.4-1.7 1.6-2.5 3-2.5s2.6.8 3 2.5M14.5 10h4M14.5 14h4"/>`,
  key: html`<circle cx="7" cy="12" r="4"/><path d="M11 12h10.5v3.5M17 12v3"/>`,
  mail: html`<path d="M3 5h18v14H3z"/><path d="m3 6 9 7 9-7"/>`,
  id: html`<path d="M5 3.5h14v17H5z"/><path d="M8.5 8h7M8.5 12h7M8.5 16h4"/>`,
} satisfies Record<string, Html>;

export type IconName = keyof typeof icons;

export const icon = (name: IconName): Html =>
  html`<svg class="icon" viewBox="0 0 24 24" width="24" height="24" aria-hidden="true" focusable="false">${icons[name]}</svg>`;

const body =
  'M27.2 6.2C22.4 4.2 16.6 6.6 16.2 12.2c-.4 5.6 5.2 7.9 6.3 12.6.7 3-1.3 4.9-4.3 5.7C11.2 32.3 5.6 36.3 2 42.5c8.6 1.7 19.4.6 24.6-5.9 3.9-4.9 3.3-10.6.8-15.3-1.7-3.2-4.6-5.4-4.7-8.2-.1-1.7 1.2-2.9 2.9-2.9z';
const beak = 'M26.6 6 46 10.8 25.5 10.3z';

export const mark = html`<svg class="mark" viewBox="0 2 48 44" width="36" height="33" aria-hidden="true" focusable="false"><path fill="currentColor" d="${body}"/><path class="beak" fill="#FFC53D" d="${beak}"/></svg>`;

/** The icon of the browser's tab. */
export const tabIcon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="-8 -6 64 60"><rect x="-8" y="-6" width="64" height="60" rx="10" fill="#0A5961"/><path fill="#fff" d="${body}"/><path fill="#FFC53D" d="${beak}"/></svg>`;

/** One stroke of the tide, 90 wide. */
const tidePath = 'M0 6q7.5-7 15 0t15 0 15 0 15 0 15 0 15 0';

export const wave = html`<svg class="wave" viewBox="0 0 90 12" width="90" height="12" preserveAspectRatio="none" aria-hidden="true" focusable="false"><path d="${tidePath}"/></svg>`;
export const calm = html`<svg class="wave calm" viewBox="0 0 90 12" width="90" height="12" preserveAspectRatio="none" aria-hidden="true" focusable="false"><path d="M0 6h90"/></svg>`;

/** Three waves, `level` of them full, counted from below. */
export function tide(level: number): Html {
  const waves = [0, 1, 2].map(
    (row) =>
      html`<path class="${3 - row <= level ? 'full' : 'faint'}" transform="translate(2 ${row * 9})" d="M0 7q5-5.5 10 0t10 0 10 0"/>`,
  );
  return html`<svg class="tide" viewBox="0 0 34 32" width="26" height="24" aria-hidden="true" focusable="false">${waves}</svg>`;
}
