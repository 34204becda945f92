import fs from 'node:fs';
import { join, resolve } from 'node:path';
import t from 'tap';
import { unused, violations } from './support/house.ts';

const root = resolve(import.meta.dirname, '..');

t.test('the house', async (t) => {
  const paths = fs.globSync(['{src,test,config,docs,keys,.ci}/**/*', '*.{json,md,yaml}', '.taprc', '.npmrc'], {
    cwd: root,
    exclude: (path) => /node_modules|package-lock\.json/.test(path),
  });
  const files = new Map(
    paths
      .filter(
        (path) => /\.(ts|js|json|md|yaml|sql|css|sh)$|\.ci\/|rc$/.test(path) && fs.statSync(join(root, path)).isFile(),
      )
      .map((path) => [path, fs.readFileSync(join(root, path), 'utf8')]),
  );
  t.ok(files.size > 40, `${files.size} files were read`);
  t.strictSame(violations(files), []);
  t.strictSame(unused(files), []);
});

t.test('the lock file names no place to download from', async (t) => {
  const lock = fs.readFileSync(join(root, 'package-lock.json'), 'utf8');
  t.match(lock, /"integrity": "sha512-/);
  t.notMatch(lock, /"resolved": "http/);
});

t.test('what is planted is found', async (t) => {
  const exported = new Map([
    ['src/keys/keys.ts', 'export const a = 1;\nexport const b = 2;'],
    ['src/keys/sealing.ts', "import { a } from './keys.ts';"],
  ]);
  t.strictSame(unused(exported), ['src/keys/keys.ts: nobody imports b']);
  const machine = ['', 'home', 'somebody', 'egret'].join('/');
  const planted: readonly (readonly [path: string, text: string, said: RegExp])[] = [
    ['src/keys/keys.ts', "import { a } from '../provider/provider.ts';", /provider is above keys/],
    ['src/keys/keys.ts', "import type { A } from '../clients/clients.ts';", /clients is beside keys/],
    ['src/store/redis.ts', "export * from '../web/html.ts';", /web is beside store/],
    ['src/errors-province.ts', "import { config } from './config.ts';", /config is above errors/],
    [
      'src/signin/signin.ts',
      "import {\n  a,\n  b,\n} from '../accounts/records.ts';",
      /front door is src\/accounts\/accounts\.ts/,
    ],
    ['src/gateway.ts', "const a = await import('./bridge/sm2.ts');", /front door is src\/bridge\/bridge\.ts/],
    ['src/gateway.ts', "import './cli/cli.ts';", /cli is above gateway/],
    ['src/cabinet/cabinet.ts', "import { a } from '../errors.ts';", /cabinet has no level/],
    ['src/main.ts', "import { a } from './cabinet/cabinet.ts';", /cabinet has no level/],
    ['src/main.ts', "import { a } from '../test/support/house.ts';", /outside src/],
    ['src/demo/portals/main.ts', "import { a } from '../../errors.ts';", /meet on the wire/],
    ['src/demo/portals/main.ts', "import { a } from '../province/main.ts';", /meet on the wire/],
    ['src/demo/main.ts', "import { a } from './province/people.ts';", /meet on the wire/],
    ['src/bridge/bridge.ts', "import { a } from '../demo/province/sm2.ts';", /meet on the wire/],
    ['src/keys/keys.ts', "import { a } from './a.ts';", /a\.ts -> src\/keys\/keys\.ts -> src\/keys\/a\.ts: a cycle/],
    ['src/keys/index.ts', '', /index\.ts/],
    ['test/helpers/a.ts', '', /a drawer/],
    ['src/keys/utils.ts', '', /a drawer/],
    ['src/keys/keys.ts', 'const a = process.env.HOME;', /src\/config\.ts only/],
    ['src/demo/portals/home.ts', "const url = 'http://a/' + process.env.HOME;", /src\/config\.ts only/],
    ['src/keys/keys.ts', 'const a = Date.now();', /asked of a Clock/],
    ['src/keys/keys.ts', 'const a = new Date( );', /asked of a Clock/],
    ['src/keys/keys.ts', 'const a = new Date;', /asked of a Clock/],
    ['src/clients/keys.ts', 'const a = await fetch(address);', /through src\/web\/outbound\/outbound\.ts/],
    ['src/clients/keys.ts', "import { request } from 'node:https';", /through src\/web\/outbound\/outbound\.ts/],
    ['src/keys/keys.ts', 'x\n'.repeat(401), /401 lines/],
    ['docs/a.md', `run it in ${machine}`, /a path of one machine/],
    ['test/a.test.ts', `const a = '${machine}';`, /a path of one machine/],
  ];
  for (const [path, text, said] of planted) {
    const files = new Map([
      ['src/keys/a.ts', "import { b } from './keys.ts';"],
      [path, text],
    ]);
    const found = violations(files);
    t.equal(found.length, 1, `${path}: ${text.slice(0, 60)}`);
    t.match(found[0], said);
  }

  const innocent: readonly (readonly [path: string, text: string])[] = [
    ['src/keys/keys.ts', "import { a } from '../store/database.ts';\nimport { b } from './rotation/plan.ts';"],
    [
      'src/gateway.ts',
      "import { a } from './accounts/accounts.ts';\nimport { b } from './errors.ts';\nimport 'fastify';",
    ],
    ['src/errors.ts', "import { a } from './errors-province.ts';"],
    ['src/config.ts', 'export const a = process.env.HOME;'],
    ['src/demo/portals/main.ts', 'export const a = process.env.HOME;'],
    ['src/demo/portals/clock.ts', 'export const now = () => Date.now();'],
    [
      'src/keys/keys.ts',
      "// not process.env, nor Date.now()\nconst a = new Date(0); const b = 'it is new Date(clock.now())';",
    ],
    ['src/keys/keys.ts', '/**\n * process.env is not for us.\n */\nconst a = 1; // see Date.now()'],
    ['src/clients/keys.ts', 'const a = await needs.fetch(address);'],
    ['src/demo/portals/main.ts', 'const a = await fetch(address);'],
    ['src/keys/keys.ts', 'x\n'.repeat(400)],
    ['docs/a.md', 'see https://example.org/home/egret and ./home/egret, /tmp/egret'],
  ];
  for (const [path, text] of innocent)
    t.strictSame(violations(new Map([[path, text]])), [], `${path}: ${text.slice(0, 60)}`);
});
