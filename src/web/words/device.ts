import { dictionary, type Lang, type Mode } from '../words.ts';

/**
 * Devices as people know them. What is kept of a browser is `android Chrome`, a system and a name without version:
 * enough to recognise a device, too little to follow one.
 */
const systems = ['android', 'iphone', 'ipad', 'harmony', 'windows', 'mac', 'linux'] as const;
type System = (typeof systems)[number];

const systemWords = dictionary(
  {
    android: '安卓手机',
    iphone: 'iPhone',
    ipad: 'iPad',
    harmony: '鸿蒙手机',
    windows: 'Windows 电脑',
    mac: 'Mac 电脑',
    linux: 'Linux 电脑',
    unknown: '一台设备',
    join: (system: string, browser: string) => `${system}，${browser}`,
  },
  {
    android: 'Android phone',
    iphone: 'iPhone',
    ipad: 'iPad',
    harmony: 'Harmony phone',
    windows: 'Windows computer',
    mac: 'Mac',
    linux: 'Linux computer',
    unknown: 'A device',
    join: (system, browser) => `${system}, ${browser}`,
  },
);

const signs: readonly (readonly [RegExp, System])[] = [
  [/iPhone/, 'iphone'],
  [/iPad/, 'ipad'],
  [/OpenHarmony|HarmonyOS/, 'harmony'],
  [/Android/, 'android'],
  [/Windows/, 'windows'],
  [/Mac OS X|Macintosh/, 'mac'],
  [/Linux|X11/, 'linux'],
];
const browsers: readonly (readonly [RegExp, string])[] = [
  [/MicroMessenger/, 'WeChat'],
  [/AlipayClient/, 'Alipay'],
  [/Edg/, 'Edge'],
  [/Firefox|FxiOS/, 'Firefox'],
  [/Chrome|CriOS/, 'Chrome'],
  [/Safari/, 'Safari'],
];

/** What to keep of a User-Agent header: `android Chrome`, `windows`, or '' for one that says nothing known. */
export function deviceOf(userAgent: string | undefined): string {
  const text = (userAgent ?? '').slice(0, 500);
  const system = signs.find(([sign]) => sign.test(text))?.[1];
  if (!system) return '';
  const browser = browsers.find(([sign]) => sign.test(text))?.[1];
  return browser ? `${system} ${browser}` : system;
}

/** 安卓手机，Chrome */
export function deviceWord(page: { readonly lang: Lang; readonly mode: Mode }, device: string): string {
  const words = systemWords(page);
  const [first = '', browser] = device.split(' ');
  const system = systems.find((name) => name === first);
  if (!system) return words.unknown;
  return browser && browsers.some(([, name]) => name === browser) ? words.join(words[system], browser) : words[system];
}

export const deviceIcon = (device: string): 'phone' | 'monitor' =>
  /^(windows|mac|linux)\b/.test(device) ? 'monitor' : 'phone';
