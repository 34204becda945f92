/**
 * The part of the catalogue that mirrors the province's codes (PROVINCE.md, section 5): what `EG-P####` says to the
 * citizen, to the integrator, and to the operator (the text for the log). The words follow two rules: what differs is
 * never named where naming it would tell a stranger something (2001-2004 share one text, 2201-2204 another, and 2201
 * has no words of its own anywhere), and every text offers a way on.
 */

type Said = readonly [zh: string, en: string];

const unreachable: Said = [
  '现在连不上省实名平台，请过一会儿再试。用密码或短信验证码登录不受影响。',
  'The provincial real-name service cannot be reached right now. Try again later. Signing in by password or text message still works.',
];
const slow: Said = [
  '省实名平台没有及时回应，请过一会儿再试。用密码或短信验证码登录不受影响。',
  'The provincial real-name service did not answer in time. Try again later. Signing in by password or text message still works.',
];
const maintenance: Said = [
  '省实名平台正在维护，请过一会儿再试。用密码或短信验证码登录不受影响。',
  'The provincial real-name service is under maintenance. Try again later. Signing in by password or text message still works.',
];
const unclear: Said = [
  '省实名平台这次没有给出能用的结果，请过一会儿再试。用密码或短信验证码登录不受影响。',
  'The provincial real-name service gave no usable answer this time. Try again later. Signing in by password or text message still works.',
];
const signInAgain: Said = [
  '这次省统一登录已经过期，请重新进入福建省统一登录，也可以换一种方式登录。',
  'This provincial sign-in has expired. Start it again, or choose another way to sign in.',
];
const threeDiffer: Said = ['三项信息不一致，请核对后再试。', 'The details do not match. Check them and try again.'];
const atACounter: Said = [
  '这一项要到窗口核对，请带上身份证件，也可以先拨打 12345 问一问。',
  'This has to be checked at a counter. Bring your identity document, or call 12345 first.',
];
const notTheSame: Said = [
  '没比对上，可以再试，也可以换一种方式。',
  'That did not match. You can try again or choose another way.',
];

const outage = (said: Said, integrator: string, log: string) => text(503, said, integrator, log);
const text = (status: number, [zh, en]: Said, integrator: string, log: string) => ({
  status,
  zh,
  en,
  integrator,
  log,
});

// What a department's developer can do about a refusal of the province.
const temporary =
  'The province cannot check real names right now: the level reached so far stands. Honour Retry-After.';
const byThePerson = 'The person was told what to do; the level reached so far stands. Nothing to change in the client.';
const beginAgain = 'The provincial sign-in did not count. Start a new authorization request if the person gave up.';
const noOrganisation = 'The person cannot act for this organisation now; do not go on as if they did.';

export const provinceErrors = {
  'EG-P1001': outage(unreachable, temporary, 'province 1001: it does not know our caller code; check the registration'),
  'EG-P1002': outage(unreachable, temporary, 'province 1002: our caller code is disabled; call the province'),
  'EG-P1003': outage(unreachable, temporary, 'province 1003: our caller code has expired; renew it with the province'),
  'EG-P1101': outage(unreachable, temporary, 'province 1101: our signature was refused; is our public key with them?'),
  'EG-P1102': outage(unreachable, temporary, 'province 1102: clocks differ even after one resync; check NTP here'),
  'EG-P1103': outage(unreachable, temporary, 'province 1103: a nonce of ours was seen before; was a request replayed?'),
  'EG-P1104': outage(unreachable, temporary, 'province 1104: it could not decrypt; check the pinned platform keys'),
  'EG-P1105': outage(unreachable, temporary, 'province 1105: key id unknown or not in force; compare keys and dates'),

  'EG-P1201': text(400, signInAgain, beginAgain, 'province 1201: trust ticket unknown'),
  'EG-P1202': text(400, signInAgain, beginAgain, 'province 1202: trust ticket expired'),
  'EG-P1203': text(400, signInAgain, beginAgain, 'province 1203: trust ticket used before; its session was revoked'),
  'EG-P1204': text(400, signInAgain, beginAgain, 'province 1204: trust ticket of another caller or return address'),
  'EG-P1301': text(401, signInAgain, beginAgain, 'province 1301: user token expired'),
  'EG-P1302': text(401, signInAgain, beginAgain, 'province 1302: user token revoked'),

  'EG-P2001': text(422, threeDiffer, byThePerson, 'province 2001: name and number differ; an attempt is counted'),
  'EG-P2002': text(422, threeDiffer, byThePerson, 'province 2002: no such number; an attempt is counted'),
  'EG-P2003': text(422, threeDiffer, byThePerson, 'province 2003: the mobile differs; an attempt is counted'),
  'EG-P2004': text(
    422,
    [
      '填写的信息不一致，请核对后再试，也可以换一种方式。',
      'The details do not match. Check them, or choose another way.',
    ],
    byThePerson,
    'province 2004: the bank card differs; an attempt is counted',
  ),

  'EG-P2101': text(
    422,
    [
      '照片不够清楚，可以再试，也可以换一种方式。',
      'The picture was not clear enough. You can try again or choose another way.',
    ],
    byThePerson,
    'province 2101: quality of the face picture',
  ),
  'EG-P2102': text(422, notTheSame, byThePerson, 'province 2102: liveness not shown'),
  'EG-P2103': text(422, notTheSame, byThePerson, 'province 2103: not the same person'),
  'EG-P2104': text(
    422,
    ['这一项不能刷脸核对，请换一种方式。', 'Face comparison is not possible here. Choose another way.'],
    byThePerson,
    'province 2104: no base photo',
  ),

  'EG-P2201': text(403, atACounter, byThePerson, 'province 2201: settled at a counter only'),
  'EG-P2202': text(403, atACounter, byThePerson, 'province 2202: document lost or replaced; settled at a counter only'),
  'EG-P2203': text(403, atACounter, byThePerson, 'province 2203: number held twice; settled at a counter only'),
  'EG-P2204': text(403, atACounter, byThePerson, 'province 2204: record frozen; settled at a counter only'),
  'EG-P2301': text(
    403,
    ['请监护人一起办，也可以一起到窗口办。', 'Please do this together with a guardian, here or at a counter.'],
    byThePerson,
    'province 2301: a minor, the guardian has to take part',
  ),

  'EG-P2401': text(
    403,
    [
      '没有查到这家单位，请核对统一社会信用代码，也可以到窗口核对。',
      'This organisation was not found. Check the unified social credit code, or ask at a counter.',
    ],
    noOrganisation,
    'province 2401: organisation not found',
  ),
  'EG-P2402': text(
    403,
    [
      '这家单位的登记有变化，现在不能用它的身份办事，请到窗口核对。',
      'The registration of this organisation has changed. You cannot act for it now; ask at a counter.',
    ],
    noOrganisation,
    'province 2402: organisation deregistered or revoked',
  ),
  'EG-P2403': text(
    403,
    [
      '这家单位的法定代表人有变化，请现任法定代表人来办，也可以到窗口核对。',
      'The legal representative has changed. The present one has to do this, or ask at a counter.',
    ],
    noOrganisation,
    'province 2403: legal representative changed',
  ),
  'EG-P2404': text(
    403,
    [
      '这家单位还没有授权你来办，请法定代表人先授权，也可以到窗口核对。',
      'This organisation has not authorised you. Ask its legal representative first, or ask at a counter.',
    ],
    noOrganisation,
    'province 2404: agent not authorised',
  ),
  'EG-P2405': text(
    403,
    [
      '你的授权到期了，请法定代表人续期，也可以到窗口核对。',
      'Your authorisation has ended. Ask the legal representative to renew it, or ask at a counter.',
    ],
    noOrganisation,
    "province 2405: agent's authorisation expired",
  ),

  'EG-P2501': text(
    403,
    [
      '这一项暂时不能在网上核对，请过一段时间再试，也可以到窗口核对。',
      'This cannot be checked online for the moment. Try again later, or go to a counter.',
    ],
    byThePerson,
    'province 2501: the account there is locked for a time',
  ),
  'EG-P2502': text(
    403,
    [
      '省统一登录的这个账号已经注销，请到窗口核对，也可以拨打 12345。',
      'This provincial account has been closed. Go to a counter, or call 12345.',
    ],
    byThePerson,
    'province 2502: the account there is cancelled',
  ),

  'EG-P3001': text(
    503,
    ['现在核对的人多，请过几分钟再试。', 'Many people are being checked right now. Try again in a few minutes.'],
    'The quota of checks is used up for the moment. Honour Retry-After.',
    'province 3001: quota used up, or our own bound on parallel calls; we back off',
  ),
  'EG-P3002': text(
    429,
    [
      '这一项刚核对过好几次，请过一段时间再试，也可以到窗口核对。',
      'This was checked several times just now. Try again later, or go to a counter.',
    ],
    byThePerson,
    'province 3002: the same person too often; we back off',
  ),

  'EG-P9001': outage(unreachable, temporary, 'province 9001: down or unreachable; what works locally goes on'),
  'EG-P9002': outage(slow, temporary, 'province 9002: no answer in time; what works locally goes on'),
  'EG-P9003': outage(maintenance, temporary, 'province 9003: under maintenance; what works locally goes on'),
  'EG-P9999': outage(unclear, temporary, 'province 9999: an answer that cannot be believed or used; see `why`'),
};
