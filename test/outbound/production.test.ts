import { lookup } from 'node:dns/promises';
import fs from 'node:fs';
import net from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { stringify } from 'yaml';
import { isPublic } from '../../src/web/outbound/public-address.ts';
import { makePair } from '../bridge/platform.ts';
import { definition, productionCity } from '../cli/production.ts';
import { root } from '../cli/world.ts';
import { assertion, assertionType, jwks } from '../support/department.ts';
import { node } from '../support/processes.ts';
import { wants } from '../support/wants.ts';

t.setTimeout(120_000);

// a name that the system's own resolver knows, without asking another machine
const name = hostname();
const found = await lookup(name, { all: true }).catch(() => []);
const here = found.length > 0 && !found.some(({ address }) => isPublic(address)) && !/^[\d.:]+$|localhost/.test(name);

/** The door is where it should be: a program in production, whose departments and province have the name of this machine. */
t.test('a name of this machine is not called in production', wants('postgresql', 'redis-server'), async (t) => {
  if (!here) return t.comment(`left out: the name of this machine (${found.map(({ address }) => address)}) is public`);
  const city = await productionCity(t);
  let connections = 0;
  const server = net.createServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  await new Promise<void>((done) => server.listen(0, '::', done));
  t.teardown(() => server.close());
  const origin = `https://${name}:${(server.address() as net.AddressInfo).port}`;

  const { keyId, sign, encrypt } = makePair('platform-1');
  const key = { keyId, signKey: sign.publicKey, encKey: encrypt.publicKey, notBefore: 0, notAfter: 4_102_444_800_000 };
  const platform = join(city.folder, 'platform.json');
  fs.writeFileSync(platform, JSON.stringify({ keys: [key] }));
  const env = city.with({ province: { url: origin, platform_keys_file: platform } });
  t.equal((await city.run('migrate')).code, 0);
  const grants = ['authorization_code', 'client_credentials'];
  const files = [
    definition({ grants, jwks_uri: `${origin}/jwks.json` }),
    definition({ grants, jwks_uri: undefined, jwks, client_id: 'beside' }),
  ].map((one) => {
    const file = join(city.folder, `${one.client_id}.yaml`);
    fs.writeFileSync(file, stringify(one));
    return file;
  });
  t.equal((await city.run(`clients apply ${files.join(' ')}`)).code, 0);
  const gateway = node(t, join(root, 'src/cli/main.ts'), ['serve'], { env: { ...city.env, ...env } });
  await gateway.waitFor(/"ready"/);

  const asked = async (client: string): Promise<number> => {
    const issuer = 'https://id.city.example';
    const body = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: client,
      client_assertion: await assertion({ issuer }, { iss: client, sub: client }),
      client_assertion_type: assertionType,
    });
    return (await fetch(`http://127.0.0.1:${city.ports.public}/token`, { method: 'POST', body })).status;
  };
  t.equal(await asked('beside'), 200, 'a department whose keys are in its record');
  t.equal(await asked('renshe'), 401, 'one whose keys are at such an address');

  const doctor = await city.run('doctor', { env });
  t.match(doctor.err, new RegExp(`EG-1925 .*${origin} does not answer us: EG-P9001`));
  t.equal(connections, 0, 'neither is called');
});
