import { operationsErrors } from './errors-operations.ts';
import { peopleErrors } from './errors-people.ts';
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
    408,
    '等了太久，内容没有发完。请再试一次。',
    'It took too long to send. Please try again.',
    'The request did not arrive in full within its time: send it at once.',
    'request not finished in time',
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
  ...peopleErrors,
  'EG-1009': entry(
    429,
    '这个网络地址试的次数太多了，请过一会儿再试。',
    'Too many tries from this network address. Please try again later.',
    'The cap of this address is used up: honour Retry-After.',
    'cap of an address used up',
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
  'EG-1601': entry(
    400,
    '这个系统的登记内容不对。',
    'The registration of this system is not valid.',
    'A client definition breaks the schema; each problem is named.',
    'client definition refused',
  ),
  'EG-1602': entry(
    400,
    '这个网站发来的登录请求不对，请回到它那里再试，或拨打 12345。',
    'The sign-in request of this website is not valid. Go back and try again, or call 12345.',
    'The authorization request was refused and cannot be answered at a redirect address; see error and error_description.',
    'authorization request refused',
  ),
  'EG-1501': entry(
    400,
    '退出请求不对，你还没有退出。',
    'The sign-out request is not valid; you are still signed in.',
    'id_token_hint, client_id or post_logout_redirect_uri does not hold.',
    'sign-out request refused',
  ),
  'EG-1901': entry(
    500,
    '系统设置不对。',
    'The settings are not right.',
    'The configuration breaks the schema; each problem is named.',
    'configuration refused',
  ),
  'EG-1902': entry(
    400,
    '命令的用法不对。',
    'The command was not understood.',
    'The command line has no such verb, argument or option; `egret --help` lists them.',
    'command not understood',
  ),
  'EG-1903': entry(
    503,
    '数据库还没有准备好。',
    'The database is not ready for this version.',
    'The database is empty or older than this version: `egret migrate` brings it up.',
    'database not migrated',
  ),
  'EG-1904': entry(
    404,
    '没有找到要操作的对象。',
    'What the command names does not exist.',
    'The command line named a client, an account or a message that is not there.',
    'nothing of that name',
  ),
  'EG-1930': entry(
    404,
    '没有这个编号的案件。',
    'There is no case of this number.',
    'The command line named a case that is not there.',
    'no such case',
  ),
  'EG-1931': entry(
    409,
    '这个案件已经办结。',
    'This case is closed already.',
    'A case is resolved once; a new attempt of the person opens a new one.',
    'case closed already',
  ),
  'EG-1932': entry(
    409,
    '这个案件不能这样办结。',
    'This case cannot be resolved that way.',
    'The outcome does not fit the kind of the case, or the accounts as they are now.',
    'outcome does not fit the case',
  ),
  'EG-1905': entry(
    500,
    '端口不能使用，服务没有启动。',
    'The port cannot be used, and the system did not start.',
    'A port of the listeners is taken or closed to this user; the configuration names them.',
    'port unusable',
  ),
  'EG-1909': entry(
    409,
    '要操作的对象已经是这样，或者不能这样操作；什么都没有改。',
    'It is so already, or cannot be treated so: nothing was changed.',
    'The command line named a client that is stopped or active already, or has no secret; an account in that state already; or a message of which nothing is left to send.',
    'nothing to change',
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
  ...operationsErrors,
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
