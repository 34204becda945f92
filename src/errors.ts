import { provinceErrors } from './errors-province.ts';

/**
 * The error catalogue: every refusal has one stable code, an HTTP status and its texts: for the citizen (zh-CN, en),
 * for the integrator, and for the log. `docs/errors.md` is made from this table. A code, once published, keeps its
 * meaning. Ranges: 10 requests and forms, 11 sign-in and passwords, 12 codes and limits, 13 real name, 14 consent,
 * 15 sessions and sign-out, 16 clients and OAuth, 17 stores and overload, 18 keys and audit, 19 configuration and
 * command line; `EG-P####` mirrors a code of the province.
 */
export interface CatalogueEntry {
  readonly status: number;
  readonly zh: string;
  readonly en: string;
  readonly integrator: string;
  readonly log: string;
}

const entry = (status: number, zh: string, en: string, integrator: string, log: string): CatalogueEntry => ({
  status,
  zh,
  en,
  integrator,
  log,
});

export const catalogue = {
  'EG-1001': entry(
    400,
    '这个请求看不懂，请回到上一页再试。',
    'We could not read this request. Go back and try again.',
    'A parameter is missing, repeated, too long or of the wrong type.',
    'malformed request',
  ),
  'EG-1002': entry(
    404,
    '没有这个页面。',
    'There is no such page.',
    'No route of the gateway has this path.',
    'unknown path',
  ),
  'EG-1003': entry(
    403,
    '这个请求不是从我们的页面发出的，没有执行。',
    'This request did not come from our page, so nothing was done.',
    'A state-changing request must come from our own origin (Origin, Sec-Fetch-Site) and carry its form token.',
    'cross-site request refused',
  ),
  'EG-1004': entry(
    410,
    '这个页面放太久了，请重新开始。',
    'This page has expired. Please start again.',
    'The interaction ended, expired, or belongs to another browser.',
    'stale form',
  ),
  'EG-1005': entry(
    413,
    '提交的内容太大了。',
    'What was sent is too large.',
    'The body exceeds the limit of this endpoint.',
    'body too large',
  ),
  'EG-1006': entry(
    405,
    '这个地址不能这样访问。',
    'This address cannot be used that way.',
    'The method is not allowed here.',
    'method not allowed',
  ),
  'EG-1007': entry(
    415,
    '提交的格式不对。',
    'What was sent has the wrong format.',
    'Send application/x-www-form-urlencoded.',
    'unsupported media type',
  ),
  'EG-1008': entry(
    400,
    '请看过服务协议和隐私政策，再勾选同意。',
    'Read the terms and the privacy policy, then tick the box.',
    'A registration needs the box of the terms ticked.',
    'terms not accepted',
  ),
  'EG-1101': entry(
    401,
    '账号或密码不对。',
    'The details do not match.',
    'The login name or the password is wrong. Unknown and disabled accounts answer the same.',
    'wrong password',
  ),
  'EG-1102': entry(
    429,
    '密码登录先停一会儿。账号没有被锁，别的方式照常用。',
    'Password sign-in is paused for a while. The account is not locked, and the other ways work as usual.',
    'Too many wrong passwords: the password way pauses until the time given.',
    'password way paused',
  ),
  'EG-1103': entry(
    400,
    '请输入手机号或身份证号。',
    'Enter a mobile or an ID number.',
    'The login name is neither a mainland mobile nor an ID number.',
    'not a login name',
  ),
  'EG-1104': entry(
    400,
    '密码至少要 10 个字符。',
    'Use at least 10 characters.',
    'The new password is shorter than 10 characters.',
    'password too short',
  ),
  'EG-1105': entry(
    400,
    '密码最多 128 个字符。',
    'Use at most 128 characters.',
    'The new password is longer than 128 characters.',
    'password too long',
  ),
  'EG-1106': entry(
    400,
    '这个密码太常见，或者已经泄露过，请换一个。',
    'This password is common or has leaked. Choose another one.',
    'The new password is on lists of leaked or common ones, or made from them.',
    'common password',
  ),
  'EG-1107': entry(
    400,
    '密码里不要有自己的姓名、手机号、证件号或生日。',
    'Leave your name, mobile, ID number and birth date out of the password.',
    'The new password contains something known of the person.',
    'password contains own data',
  ),
  'EG-1108': entry(
    400,
    '密码里有看不懂的字符，请换一个。',
    'The password contains characters we cannot read. Choose another one.',
    'The new password is not well-formed Unicode.',
    'password not well-formed',
  ),
  'EG-1109': entry(
    403,
    '暂时不能这样登录，请换一种方式。',
    'You cannot sign in this way right now. Please use another way.',
    'This way is not open for this account now.',
    'way not open',
  ),
  'EG-1110': entry(
    403,
    '没能确认是你本人，请找回账号，或到窗口办理。',
    'We could not confirm that it is you. Recover the account, or visit a counter.',
    'The answers about name and number differ from the records.',
    'identity not confirmed',
  ),
  'EG-1111': entry(
    409,
    '这个手机号已经注册过，请直接登录。',
    'This mobile is registered already. Please sign in.',
    'The proved mobile is the login name of an account.',
    'mobile in use',
  ),
  'EG-1112': entry(
    400,
    '请回答证件号，确认是你本人。',
    'Enter your ID number so that we know it is you.',
    'A proved mobile alone does not identify this person.',
    'identity asked',
  ),
  'EG-1113': entry(400, '请输入密码。', 'Enter the password.', 'The password is empty.', 'password empty'),
  'EG-1201': entry(400, '验证码不对。', 'The code is wrong.', 'The one-time code does not match.', 'wrong code'),
  'EG-1202': entry(
    410,
    '验证码已过期，请重新发送。',
    'The code has expired. Please ask for a new one.',
    'The one-time code was used, expired, replaced, or had five wrong tries.',
    'code dead',
  ),
  'EG-1203': entry(
    429,
    '刚刚发过验证码，请稍等再发。',
    'A code was sent a moment ago. Please wait before asking for another.',
    'A new code may be asked for at the time given.',
    'code asked for too soon',
  ),
  'EG-1204': entry(
    429,
    '这个手机号今天收的验证码太多了，请换一种方式，或晚些再试。',
    'This mobile has had too many codes today. Use another way, or try later.',
    'The daily number of messages to this mobile is used up.',
    'messages used up',
  ),
  'EG-1205': entry(
    429,
    '验证码试的次数太多了，请晚些再试。',
    'Too many codes were tried. Please try later.',
    'The hourly number of guesses is used up.',
    'guesses used up',
  ),
  'EG-1206': entry(
    400,
    '请输入 11 位手机号。',
    'Enter a mobile of 11 digits.',
    'Not a mainland mobile.',
    'not a mobile',
  ),
  'EG-1207': entry(
    429,
    '今天试的次数太多了，请明天再试，或到窗口办理。',
    'Too many tries today. Try again tomorrow, or visit a counter.',
    'The daily number of answers about identity is used up.',
    'identity answers used up',
  ),
  'EG-1208': entry(
    403,
    '这个账号没有可以收验证码的手机号。',
    'This account has no mobile to send a code to.',
    'No mobile was proved for this account.',
    'no mobile',
  ),
  'EG-1209': entry(
    400,
    '请输入短信里的 6 位数字。',
    'Enter the 6 digits of the message.',
    'The one-time code is not six digits.',
    'not a code',
  ),
  'EG-1301': entry(
    422,
    '三项信息不一致，请核对后再试。',
    'The details do not match. Please check them.',
    'Name, ID number and mobile do not belong to one person; which of them is not told.',
    'three factors differ',
  ),
  'EG-1302': entry(
    429,
    '今天核对的次数用完了，请明天再试，或到窗口办理。',
    'No tries are left today. Try again tomorrow, or visit a counter.',
    'The daily number of real-name checks is used up.',
    'real-name checks used up',
  ),
  'EG-1303': entry(
    409,
    '这个人已经有账号了，请登录，或者找回账号。',
    'This person already has an account. Please sign in, or recover it.',
    'The verified identity belongs to an account already.',
    'identity in use',
  ),
  'EG-1304': entry(
    403,
    '请监护人一起办。',
    'Please do this together with a guardian.',
    'The person is a minor who needs a guardian.',
    'minor',
  ),
  'EG-1305': entry(
    403,
    '这一项要到窗口核对。',
    'This has to be checked at a counter.',
    'The province asks for a check at a counter.',
    'counter',
  ),
  'EG-1306': entry(
    503,
    '福建省实名平台暂时连不上，请过一会儿再试。',
    'The provincial real-name service cannot be reached. Please try again shortly.',
    'The province did not answer; nothing was counted.',
    'province unreachable',
  ),
  'EG-1307': entry(
    400,
    '请输入 18 位身份证号。',
    'Enter all 18 characters of the ID number.',
    'Not a valid ID number.',
    'not an ID number',
  ),
  'EG-1308': entry(
    400,
    '请输入姓名，和证件上一样。',
    'Enter the name as it stands on the card.',
    'Not a name.',
    'not a name',
  ),
  'EG-1309': entry(
    409,
    '省里的账号和这里的记录对不上，请带身份证到窗口办理。',
    'The provincial account does not agree with our records. Please visit a counter with your ID card.',
    'Identity and USER_ID are linked to different accounts; a case was opened.',
    'province conflict',
  ),
  'EG-1310': entry(
    409,
    '实名信息已经确认过，不能换成别人的。',
    'The real name is confirmed already and cannot be replaced by another one.',
    'The account carries another verified identity.',
    'identity fixed',
  ),
  'EG-1311': entry(
    403,
    '请先在省平台完成实名。',
    'Please complete the real-name check at the province first.',
    'The ticket came with real-name level 0.',
    'ticket without real name',
  ),
  'EG-1701': entry(
    503,
    '系统正忙，请过一会儿再试。你填的内容没有提交。',
    'We are busy. Please try again shortly. Nothing was submitted.',
    'Temporarily overloaded: honour Retry-After.',
    'overloaded',
  ),
  'EG-1702': entry(
    503,
    '暂时不能登录，请过一会儿再试。已经登录的不受影响。',
    'Sign-in is not available right now. People already signed in are not affected.',
    'The records are unreachable: honour Retry-After.',
    'records unreachable',
  ),
  'EG-1703': entry(
    503,
    '系统暂时连不上，请过一会儿再试。',
    'The service cannot be reached right now. Please try again shortly.',
    'The protocol state is unreachable: honour Retry-After.',
    'protocol state unreachable',
  ),
  'EG-1700': entry(
    500,
    '这一步没有完成。不是你的操作问题。',
    'This step was not completed. It is not your fault.',
    'An unexpected fault; quote the case number.',
    'unexpected fault',
  ),
  'EG-1710': entry(
    500,
    '数据文件夹不能使用。',
    'The data folder cannot be used.',
    'The data folder of the embedded database belongs to another user or is closed.',
    'data folder unusable',
  ),
  'EG-1711': entry(
    500,
    '数据库的版本不对。',
    'The database has another version.',
    'The embedded database was made by another version of PostgreSQL.',
    'database of another version',
  ),
  'EG-1712': entry(500, '磁盘已满。', 'The disk is full.', 'The disk of the embedded database is full.', 'disk full'),
  'EG-1713': entry(
    500,
    '缺少内置数据库。',
    'The embedded database is missing.',
    'The package of the embedded database is not installed for this machine.',
    'embedded database missing',
  ),
  'EG-1714': entry(
    500,
    '内置数据库没有启动。',
    'The embedded database does not start.',
    'The embedded database does not answer; its log says why.',
    'embedded database does not start',
  ),
  'EG-1720': entry(
    500,
    '数据库结构的记录与程序不一致。',
    'The history of the database differs from this version.',
    'A migration was changed after it was applied.',
    'changed migration',
  ),
  'EG-1721': entry(
    500,
    '数据库比程序新。',
    'The database is newer than this version.',
    'The database has migrations which this version does not know.',
    'database newer than the program',
  ),
  'EG-1722': entry(
    500,
    '数据库结构没有更新成功。',
    'The database could not be updated.',
    'A migration is misnamed or fails; nothing of it remains.',
    'migration failed',
  ),
  'EG-1801': entry(
    500,
    '有一项资料暂时读不出来，请联系服务热线。',
    'Some of your data cannot be read right now. Please contact the help line.',
    'A sealed field did not open: it was changed, moved, or sealed under a key that is not here.',
    'sealed field does not open',
  ),
  'EG-1802': entry(
    500,
    '系统密钥不对，服务没有启动。',
    'The system has the wrong key and did not start.',
    'The keys are sealed under another key-encryption key.',
    'wrong key-encryption key',
  ),
  'EG-1803': entry(
    500,
    '系统密钥文件不能使用，服务没有启动。',
    'The key file cannot be used, and the system did not start.',
    'The file of the key-encryption key is missing, open to others, or not a key.',
    'key-encryption key unusable',
  ),
  'EG-1804': entry(
    500,
    '有一把系统密钥已损坏，服务没有启动。',
    'A key of the system is damaged, and it did not start.',
    'A sealed key did not open in its place: it was changed, or copied there from elsewhere.',
    'sealed key does not open',
  ),
  'EG-1805': entry(
    500,
    '系统密钥的登记与封存的不一致，服务没有启动。',
    'The record of the keys is not what was sealed, and the system did not start.',
    'A key was removed, added, or put into another state, but not by the gateway.',
    'key set differs from its seal',
  ),
  'EG-1806': entry(
    500,
    '这一步没有完成。不是你的操作问题。',
    'This step was not completed. It is not your fault.',
    'A key that is published but not current was asked to sign.',
    'key does not sign',
  ),
  'EG-1807': entry(
    409,
    '现在还不能启用新密钥。',
    'The new key cannot be used yet.',
    'A key is published at least as long as a cache may hold the old set before it signs.',
    'key not ripe',
  ),
  'EG-1810': entry(
    500,
    '这一步没有完成。不是你的操作问题。',
    'This step was not completed. It is not your fault.',
    'An event of a type or with a field that the audit table does not have.',
    'audit event malformed',
  ),
  'EG-1811': entry(
    500,
    '审计记录与以前的不一致。',
    'The audit trail is not what it was.',
    'The end of the audit chain is missing, forged, or older than before: nothing is chained onto it.',
    'audit chain does not continue',
  ),
  ...provinceErrors,
} as const satisfies Record<string, CatalogueEntry>;

export type Code = keyof typeof catalogue;

/** A broken promise with a stable code of the catalogue. Expected refusals are values, not throws. */
export class EgretError extends Error {
  readonly code: Code;
  readonly status: number;
  readonly params: Readonly<Record<string, string | number>>;

  constructor(code: Code, options: { cause?: unknown; log?: string; params?: Record<string, string | number> } = {}) {
    super(options.log ?? catalogue[code].log, { cause: options.cause });
    this.name = 'EgretError';
    this.code = code;
    this.status = catalogue[code].status;
    this.params = options.params ?? {};
  }
}
