import { existsSync } from 'node:fs';
import { createBridge } from '../bridge/bridge.ts';
import { shiftedClock } from '../clock.ts';
import { catalogue } from '../errors.ts';
import type { Problem } from '../errors-problems.ts';
import { createOutbound } from '../web/outbound/outbound.ts';
import { advising, type Check, type Subject } from './check.ts';
import { openKeys } from './records.ts';

/** What the province (省统一认证) tells: whether it answers us, and knows us. */
export const provinceChecks: readonly Check[] = [advising('the province answers', 'province', answers)];

async function answers(subject: Subject): Promise<Problem[]> {
  const { config } = subject;
  const { platformKeysFile } = config.province;
  if (!existsSync(platformKeysFile))
    return [
      {
        code: 'EG-1925',
        text: `the province's public keys ${platformKeysFile} are not there, so that no answer could be believed`,
        mend: 'put the file the provincial platform handed over where province.platform_keys_file says',
      },
    ];
  const opened = await openKeys(subject);
  if (!opened)
    return [
      {
        code: 'EG-1926',
        text: 'no key was made yet to ask the province with',
        mend: 'run `egret migrate`, then `egret keys list`, which makes the keys',
      },
    ];
  const quiet = { info() {}, warn() {} };
  const bridge = createBridge({
    fetch: createOutbound({ development: config.mode === 'development' }),
    settings: { ...config.province, returnUrl: `${config.issuer}/signin/` },
    keys: () => opened.bridge,
    clock: shiftedClock(() => config.clockOffset),
    log: quiet,
  });
  try {
    const answer = await bridge.health();
    if (answer.ok) return [];
    return [
      {
        code: 'EG-1925',
        text: `the province ${config.province.url} does not answer us: ${answer.code}, ${catalogue[answer.code].log}`,
        mend: 'see that this machine reaches province.url, that the platform has our public keys (/bridge/public-keys) and that province.platform_keys_file has theirs',
      },
    ];
  } finally {
    bridge.close();
  }
}
