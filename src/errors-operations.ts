/**
 * The part of the catalogue that keeps a city from starting unsafe: what production refuses, and what `egret doctor`
 * finds in the running stores (src/doctor). The mend of each is said with what was found.
 */

const entry = (zh: string, en: string, integrator: string, log: string) => ({ status: 500, zh, en, integrator, log });

export const operationsErrors = {
  'EG-1910': entry(
    '正式环境的对外地址必须是 https。',
    'The public address must be https in production.',
    'In production the issuer is an https origin; TLS may end at a proxy before the gateway.',
    'issuer without https',
  ),
  'EG-1911': entry(
    '正式环境用了开发时的密钥或口令。',
    'A secret of development is used in production.',
    'The key-encryption key was made by a development start, or the password of a store is one that is tried first.',
    'secret of development',
  ),
  'EG-1912': entry(
    '数据库里有测试人员。',
    'There are test people in the database.',
    'Accounts with mobiles of the test people: this database has served a demonstration.',
    'test people in the records',
  ),
  'EG-1913': entry(
    '实名核验接的是模拟平台。',
    'The province is the simulator.',
    'In production province.url is the provincial platform, and its public keys are those it handed over.',
    'province is the simulator',
  ),
  'EG-1914': entry(
    '正式环境要用自己的数据库。',
    'Production needs a database of its own.',
    'The embedded database is for one machine.',
    'embedded database in production',
  ),
  'EG-1915': entry(
    '数据库账号的权限太大。',
    'The user of the database may do too much.',
    'The gateway works as an ordinary role that owns its database; a superuser could read files and run programs.',
    'database user is a superuser',
  ),
  'EG-1916': entry(
    'Redis 内存不够时会丢登录会话。',
    'Redis may drop sessions when its memory is full.',
    'maxmemory-policy other than noeviction drops sessions, and the marks that something was used.',
    'Redis may evict',
  ),
  'EG-1917': entry(
    '运维地址和对外地址是同一个主机。',
    'The operators’ address and the public one are the same host.',
    'Cookies ignore ports: the operators’ listener needs a host other than the issuer’s.',
    'admin host is the issuer’s',
  ),
  'EG-1918': entry(
    '可信代理的范围太大。',
    'Too many addresses are trusted as proxies.',
    'Whoever is a trusted proxy says which address a person has: name the proxies, not everyone.',
    'everyone is a trusted proxy',
  ),
  'EG-1919': entry(
    '有的系统登记成不用 PKCE。',
    'A system is registered without PKCE.',
    'PKCE (RFC 7636) with S256 is demanded of every client.',
    'client without PKCE',
  ),
  'EG-1920': entry(
    '有的系统登记的地址不是 https。',
    'A system is registered with an address without https.',
    'A redirect address over http hands the code to whoever listens on the way.',
    'client with an http address',
  ),
  'EG-1921': entry(
    '正式环境的时钟被调过。',
    'The clock of the system is moved.',
    'clock_offset is for tests.',
    'clock moved',
  ),
  'EG-1922': entry(
    '数据库版本太旧。',
    'The database is too old.',
    'PostgreSQL 15 or newer is needed.',
    'PostgreSQL too old',
  ),
  'EG-1923': entry(
    '数据库没有同步备库。',
    'The database has no synchronous standby.',
    'Without one, the last commits are lost with the primary, and what was used once may be used again.',
    'no synchronous standby',
  ),
  'EG-1924': entry(
    '几台机器的时间不一致。',
    'The clocks of the machines differ.',
    'This process, PostgreSQL and Redis agree within two seconds.',
    'clocks apart',
  ),
  'EG-1925': entry(
    '连不上省统一认证平台。',
    'The provincial platform cannot be reached.',
    'No answer from province.url, or one that our keys and theirs do not fit.',
    'province unreachable',
  ),
  'EG-1926': entry(
    '有一项检查做不了，按没通过算。',
    'A check could not be made, which counts as failed.',
    'Something the check needs is out of reach; what was not seen is not taken for good.',
    'check could not be made',
  ),
  'EG-1927': entry(
    '省统一认证平台的地址不能访问。',
    'The address of the provincial platform is not one we call.',
    'In production other hosts are called by https only, and at public addresses only.',
    'province is not called',
  ),
  'EG-1940': entry(
    '备份文件没有写成。',
    'The backup was not written.',
    'A file of that name is there, its folder is closed, or its disk is full.',
    'backup not written',
  ),
  'EG-1941': entry(
    '这不是一份完整的备份。',
    'This is not a whole backup.',
    'The file is of another kind, cut off, or changed since it was written; nothing was restored.',
    'not a whole backup',
  ),
  'EG-1942': entry(
    '要恢复到的数据库不是空的。',
    'The database to restore into is not empty.',
    'A restore wants an empty database of its own, or --replace, which is asked twice.',
    'restore into a database that is not empty',
  ),
  'EG-1943': entry(
    '系统还在运行，不能恢复。',
    'The system is still running, so nothing was restored.',
    'Gateways are connected to the database: end every one before a restore.',
    'restore while gateways run',
  ),
} as const;
