/**
 * The test organisations of PROVINCE.md section 6. Nothing serves them yet: services X010 to X012 come with
 * organisations. `person` names a row of the people table.
 */
export interface Organisation {
  readonly name: string;
  /** 统一社会信用代码, public. */
  readonly creditCode: string;
  readonly kind: 'enterprise' | 'institution' | 'association' | 'sole trader';
  readonly representative?: string;
  readonly agents?: readonly { readonly person: string; readonly code?: '2405' }[];
  /** What a question about it is answered with. */
  readonly code?: '2402' | '2403';
}

export const organisations: readonly Organisation[] = [
  {
    name: '测试企业一',
    creditCode: '91350299XMTEXT013L',
    kind: 'enterprise',
    representative: 'jia',
    agents: [{ person: 'yi' }, { person: 'wu', code: '2405' }],
  },
  { name: '测试企业二（已注销）', creditCode: '91350299XMTEXT021F', kind: 'enterprise', code: '2402' },
  { name: '测试企业三（已变更）', creditCode: '91350299XMTEXT03X7', kind: 'enterprise', code: '2403' },
  { name: '测试企业四（已吊销）', creditCode: '91350299XMTEXT0487', kind: 'enterprise', code: '2402' },
  { name: '测试事业单位', creditCode: '12350299XMTEXT013R', kind: 'institution' },
  { name: '测试社会团体', creditCode: '51350299XMTEXT013Q', kind: 'association' },
  { name: '测试个体户', creditCode: '91350299XMTEXT0562', kind: 'sole trader' },
  { name: '测试企业五', creditCode: '91350299XMTEX01960', kind: 'enterprise' },
];
