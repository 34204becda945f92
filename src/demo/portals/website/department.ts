/** What one department's website is: its names, its matter, and what it asks of Egret. Data only. */
export type Lang = 'zh' | 'en';

export interface Text {
  readonly zh: string;
  readonly en: string;
}

/** Real-name levels: 0 未实名, 1 初级实名, 2 高级实名, 3 窗口核验. */
export type Level = 0 | 1 | 2 | 3;

export interface Department {
  /** The client id at Egret; also in front of the names of this site's cookies and files. */
  readonly id: 'renshe' | 'gongjijin' | 'yibao' | 'jianguan' | 'haochaping';
  /** Added to the base port. */
  readonly offset: number;
  readonly seal: string;
  readonly site: Text;
  readonly department: Text;
  readonly matter: Text;
  readonly lead: Text;
  readonly code: string;
  /** What is asked before the matter can be done; shown before the sign-in button. */
  readonly level: Level;
  readonly facts: { readonly who: Text; readonly time: Text; readonly fee: Text };
  readonly services: readonly Text[];
  readonly auth: 'private_key_jwt' | 'client_secret_basic' | 'none';
  readonly scope: string;
  readonly acrValues?: string;
  /** Latest end of a session of this site, minutes after the ID token was issued: what its record at Egret promises. */
  readonly sessionMinutes: number;
}

/** Where and how a site runs. */
export interface Setting {
  /** `http://127.0.0.1:4201`, without a slash at the end. */
  readonly origin: string;
  readonly issuer: URL;
  /** Folder of keys and secrets. */
  readonly data: string;
  /** The page with all five portals. */
  readonly overview: string;
}

const levels: readonly Text[] = [
  { zh: '不用实名', en: 'No real name needed' },
  { zh: '初级实名', en: 'Basic verification' },
  { zh: '高级实名', en: 'Advanced verification' },
  { zh: '窗口核验', en: 'Verified at a counter' },
];

/** The word for a level that is asked for. */
export const levelAsked = (level: Level): Text => levels[level]!;

/** The word for a level that a person has reached. */
export const levelReached = (level: Level): Text =>
  level === 0 ? { zh: '未实名', en: 'Not verified' } : levels[level]!;

/** Reads `urn:egret:r<0-3>a<1-3>`; anything else proves nothing, so it counts as level 0, one factor. */
export function readAcr(acr: unknown): { level: Level; strength: number } {
  const found = typeof acr === 'string' ? /^urn:egret:r([0-3])a([1-3])$/.exec(acr) : null;
  return found ? { level: Number(found[1]) as Level, strength: Number(found[2]) } : { level: 0, strength: 1 };
}
