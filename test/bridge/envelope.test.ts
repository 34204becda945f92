import { createCipheriv, createHash, randomBytes } from 'node:crypto';
import { sm2 } from 'sm-crypto-v2';
import t from 'tap';
import { sealQuestion, sm3Hex, sm4Decrypt, sm4Encrypt, stringToSign } from '../../src/bridge/envelope.ts';
import {
  isPublicKey,
  signingKey,
  sm2Decrypt,
  sm2Encrypt,
  sm2Sign,
  sm2Verify,
  verifyingKey,
} from '../../src/bridge/sm2.ts';
import { readJsonObject } from '../../src/bridge/strict-json.ts';
import { caller, canonical, makePair } from './platform.ts';

const hex = (...words: string[]) => Buffer.from(words.join('').replaceAll(' ', ''), 'hex');

// GB/T 32918.5-2017, annex A.
const standard = {
  privateKey: '3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8',
  publicKey:
    '0409f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020' +
    'ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13',
  z: 'b2e14c5c79c6df5b85f4fe7ed8db7a262b9da7e07ccb0ea9f4747b8ccda8a4f3',
  message: 'message digest',
  r: 'F5A03B06 48D2C463 0EEAC513 E1BB81A1 5944DA38 27D5B741 43AC7EAC EEE720B3',
  s: 'B1B6AA29 DF212FD8 763182BC 0D421CA1 BB9038FD 1F7F42D4 840B69C4 85BBC1AA',
  c1: [
    '04 04EBFC71 8E8D1798 62043226 8E77FEB6 415E2EDE 0E073C0F 4F640ECD 2E149A73',
    'E858F9D8 1E5430A5 7B36DAAB 8F950A3C 64E6EE6A 63094D99 283AFF76 7E124DF0',
  ],
  c3: '59983C18 F809E262 923C53AE C295D303 83B54E39 D609D160 AFCB1908 D0BD8766',
  c2: '21886CA9 89CA9C7D 58087307 CA93092D 651EFA',
};

/** DER of r and s, both with their top bit set in the sample. */
const sample = hex('3046 022100', standard.r, '022100', standard.s);

t.test('SM2 signature: the sample of GB/T 32918.5', async (t) => {
  const by = verifyingKey(standard.publicKey);
  t.equal(by.z.toString('hex'), standard.z, 'Z, with the user id 1234567812345678');
  t.ok(sm2Verify(standard.message, sample, by), 'is accepted');
  t.notOk(sm2Verify('message digesu', sample, by), 'of another message it is not');
  const changed = Buffer.from(sample);
  changed[20]! ^= 1;
  t.notOk(sm2Verify(standard.message, changed, by), 'changed it is not');
  t.notOk(sm2Verify(standard.message, hex(standard.r, standard.s), by), 'r ‖ s is not DER');
  t.notOk(sm2Verify(standard.message, Buffer.concat([sample, Buffer.of(0)]), by), 'nor with something behind it');
  t.notOk(sm2Verify(standard.message, Buffer.alloc(0), by), 'nor nothing');
  t.notOk(sm2Verify(standard.message, sample, { ...by, z: verifyingKey(caller.sign.publicKey).z }), 'nor another Z');

  const own = sm2Sign(standard.message, signingKey(standard.privateKey, standard.publicKey));
  t.ok(sm2Verify(standard.message, own, by), 'our own verifies');
  t.notSame(
    own,
    sm2Sign(standard.message, signingKey(standard.privateKey, standard.publicKey)),
    'never the same twice',
  );
});

t.test('SM2 signature: native and sm-crypto-v2 accept each other', async (t) => {
  const options = { hash: true, der: true, userId: '1234567812345678' };
  for (let trial = 0; trial < 20; trial++) {
    const { sign: pair } = makePair('x');
    const message = `消息 ${randomBytes(1 + trial * 20).toString('base64')}`;
    const raw = new Uint8Array(Buffer.from(message));
    const native = sm2Sign(message, signingKey(pair.privateKey, pair.publicKey));
    t.ok(sm2.doVerifySignature(raw, native.toString('hex'), pair.publicKey, options), 'native → library');
    const theirs = sm2.doSignature(raw, pair.privateKey, { ...options, publicKey: pair.publicKey });
    t.ok(sm2Verify(message, Buffer.from(theirs, 'hex'), verifyingKey(pair.publicKey)), 'library → native');
    const empty = sm2.doSignature(raw, pair.privateKey, { ...options, publicKey: pair.publicKey, userId: '' });
    t.notOk(sm2Verify(message, Buffer.from(empty, 'hex'), verifyingKey(pair.publicKey)), 'an empty user id is refused');
  }
});

t.test('SM2 encryption: the sample of GB/T 32918.5, C1 ‖ C3 ‖ C2', async (t) => {
  // Its x begins with 04, like the byte in front of it.
  const whole = hex(...standard.c1, standard.c3, standard.c2);
  t.equal((await sm2Decrypt(whole, standard.privateKey))?.toString(), 'encryption standard');
  t.equal(await sm2Decrypt(whole.subarray(1), standard.privateKey), undefined, 'without the byte in front');
  const old = hex(...standard.c1, standard.c2, standard.c3);
  t.equal(await sm2Decrypt(old, standard.privateKey), undefined, 'in the old order C1 ‖ C2 ‖ C3');
  for (const at of [1, 40, 70, 100]) {
    const changed = Buffer.from(whole);
    changed[at]! ^= 1;
    t.equal(await sm2Decrypt(changed, standard.privateKey), undefined, `changed at ${at}`);
  }
  const odd = Buffer.from(whole);
  odd[0] = 6;
  t.equal(await sm2Decrypt(odd, standard.privateKey), undefined, 'with another byte in front');
  t.equal(await sm2Decrypt(whole, caller.encrypt.privateKey), undefined, 'for another key');
  t.equal(await sm2Decrypt(Buffer.of(4), standard.privateKey), undefined, 'cut');

  const key = randomBytes(16);
  const ours = await sm2Encrypt(key, standard.publicKey);
  t.equal(ours.length, 1 + 64 + 32 + 16);
  t.equal(ours[0], 4);
  t.same(await sm2Decrypt(ours, standard.privateKey), key);
});

t.test('SM2 keys that are none', async (t) => {
  t.ok(isPublicKey(standard.publicKey));
  t.notOk(isPublicKey(`04${'eb'.repeat(64)}`), 'not on the curve');
  t.notOk(isPublicKey(standard.publicKey.slice(2)), 'without 04');
  t.throws(() => signingKey('12', standard.publicKey), TypeError);
  t.throws(() => signingKey(standard.privateKey, '12'), TypeError);
});

t.test('SM3: the samples of GB/T 32905', async (t) => {
  t.equal(sm3Hex('abc'), '66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0');
  t.equal(sm3Hex('abcd'.repeat(16)), 'debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732');
});

t.test('SM4: the samples of GB/T 32907, and CBC', async (t) => {
  const key = hex('0123456789ABCDEFFEDCBA9876543210');
  const once = (block: Buffer) => createCipheriv('sm4-ecb', key, null).setAutoPadding(false).update(block);
  t.equal(once(key).toString('hex'), '681edf34d206965e86b3e94f536e4246');
  let block = key;
  const cipher = createCipheriv('sm4-ecb', key, null).setAutoPadding(false);
  for (let turn = 0; turn < 1_000_000; turn++) block = cipher.update(block);
  t.equal(block.toString('hex'), '595298c7c6fd271f0402f804c33d3f66', 'a million times');

  // With IV = 0 the first block of CBC is the block cipher itself.
  const sixteen = 'sixteen letters!';
  const zero = sm4Encrypt(sixteen, key, Buffer.alloc(16));
  t.same(zero.subarray(0, 16), Buffer.alloc(16), 'the IV stands in front');
  t.same(zero.subarray(16, 32), once(Buffer.from(sixteen)), 'then the first block');
  t.equal(zero.length, 48, 'and PKCS#7 adds a whole one');
  const iv = randomBytes(16);
  t.equal(sm4Decrypt(sm4Encrypt('往返 round trip', key, iv), key)?.toString(), '往返 round trip');
  t.equal(sm4Decrypt(zero.subarray(0, 40), key), undefined, 'not whole blocks');
  t.equal(sm4Decrypt(zero.subarray(0, 16), key), undefined, 'no block');
  t.equal(sm4Decrypt(zero.subarray(0, 32), key), undefined, 'padding cut off');
});

t.test('the string to sign', async (t) => {
  const message = {
    serviceCode: '062',
    appId: 'EGRET',
    timestamp: 1774000000000,
    success: true,
    Zeta: 1,
    msg: null,
    none: '',
    gone: undefined,
    nothing: {},
    empty: [],
    signData: 'x',
    encData: 'x',
    encKey: 'x',
    extra: { any: 'thing' },
    data: { b: '姓名', a: 0, '10': false, '9': { deep: '', kept: [1, { y: 2, x: '' }, null] }, drop: { all: '' } },
  };
  const expected =
    'Zeta=1&appId=EGRET&data={"10":false,"9":{"kept":[1,{"y":2},null]},"a":0,"b":"姓名"}' +
    '&serviceCode=062&success=true&timestamp=1774000000000';
  t.equal(stringToSign(message), expected);
  // The other side's own way to write it (it has no names that are numbers).
  const { data, ...head } = message;
  t.equal(stringToSign(head), canonical(head));
});

t.test('a sealed question has exactly the fields of the wire', async (t) => {
  const platform = makePair('p');
  const key = { keyId: 'p', signKey: verifyingKey(platform.sign.publicKey), encKey: platform.encrypt.publicKey };
  const pinned = { ...key, notBefore: 0, notAfter: 1 };
  const question = {
    appId: 'EGRET',
    serviceCode: '062',
    data: { USER_NAME: '测试甲' },
    timestamp: 5,
    nonce: 'n'.repeat(16),
  };
  const body = await sealQuestion(question, caller, pinned, randomBytes);
  t.notMatch(body, '测试甲', 'nothing in the clear');
  const fields = JSON.parse(body);
  t.strictSame(
    Object.keys(fields).sort(),
    ['appId', 'encData', 'encKey', 'encType', 'keyId', 'nonce', 'platformKeyId', 'serviceCode'].concat([
      'signData',
      'signType',
      'timestamp',
      'version',
    ]),
  );
  const { appId, version, timestamp, signType, encType, keyId, platformKeyId } = fields;
  t.strictSame(
    { appId, version, timestamp, signType, encType, keyId, platformKeyId },
    {
      appId: 'EGRET',
      version: '2.0.0',
      timestamp: 5,
      signType: 'SM2',
      encType: 'SM4',
      keyId: 'caller-1',
      platformKeyId: 'p',
    },
  );
  const again = JSON.parse(await sealQuestion(question, caller, pinned, randomBytes));
  t.not(again.encKey, fields.encKey, 'a message key of its own');
  t.not(again.encData.slice(0, 22), fields.encData.slice(0, 22), 'and an IV of its own');
});

t.test('JSON that two readers read alike', async (t) => {
  const read = (text: string) => readJsonObject(Buffer.from(text));
  t.strictSame(read('{"a":{"x":1},"b":{"x":"} \\" {\\"a\\":"},"c":[{"x":1},{"x":2}]}')?.a, { x: 1 });
  for (const bad of [
    '{"a":1,"a":1}',
    '{"a":1,"\\u0061":2}',
    '{"o":{"a":1,"b":[{"c":1}],"a":2}}',
    '[{"a":1}]',
    '"text"',
    'null',
    '{"a":1',
    '{"a":01}',
    "{'a':1}",
    '{"a":NaN}',
    '\ufeff{"a":1}',
    '',
  ])
    t.equal(read(bad), undefined, bad);
  // 测试甲 in GBK
  t.equal(
    readJsonObject(Buffer.concat([Buffer.from('{"a":"'), hex('b2e2cad4bcd7'), Buffer.from('"}')])),
    undefined,
    'GBK',
  );
  t.equal(createHash('sm3').update('').digest('hex'), sm3Hex(''));
});
