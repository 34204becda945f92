import { createCipheriv } from 'node:crypto';
import fc from 'fast-check';
import t from 'tap';
import { fromBase64, sm3, sm4Decrypt, sm4Encrypt, stringToSign } from '../../../src/demo/province/wire/envelope.ts';
import { decrypt, encrypt, isPublicKey, newKeyPair, sign, verify } from '../../../src/demo/province/wire/sm2.ts';
import { nativeSign, nativeVerify } from './client.ts';

// GB/T 32918.5-2017, annexes A and C: the recommended curve.
const sample = {
  privateKey: '3945208f7b2144b13f36e38ac6d39f95889393692860b51a42fb81ef4df7c5b8',
  publicKey:
    '0409f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020' +
    'ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13',
};

t.test('SM2: the signature of the standard', async (t) => {
  // Both halves have their first bit set: DER puts a zero before them.
  const r = 'f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3';
  const s = 'b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa';
  const signature = Buffer.from(`3046022100${r}022100${s}`, 'hex');
  t.ok(verify('message digest', signature, sample.publicKey));
  t.notOk(verify('message digesT', signature, sample.publicKey));
  t.notOk(verify('message digest', Buffer.concat([signature, Buffer.of(0)]), sample.publicKey), 'a byte too many');
  t.notOk(verify('message digest', Buffer.from('no signature'), sample.publicKey));
  t.notOk(verify('message digest', Buffer.alloc(0), sample.publicKey));
});

t.test('SM2: the ciphertext of the standard', async (t) => {
  const ciphertext = Buffer.from(
    '0404ebfc718e8d1798620432268e77feb6415e2ede0e073c0f4f640ecd2e149a73' +
      'e858f9d81e5430a57b36daab8f950a3c64e6ee6a63094d99283aff767e124df0' +
      '59983c18f809e262923c53aec295d30383b54e39d609d160afcb1908d0bd8766' +
      '21886ca989ca9c7d58087307ca93092d651efa',
    'hex',
  );
  t.equal(decrypt(ciphertext, sample.privateKey)?.toString(), 'encryption standard');
  for (const place of [0, 1, 70, 100]) {
    const changed = Buffer.from(ciphertext);
    changed[place]! ^= 1;
    t.equal(decrypt(changed, sample.privateKey), undefined, `byte ${place} changed`);
  }
  t.equal(decrypt(ciphertext.subarray(0, 97), sample.privateKey), undefined, 'nothing in it');
});

t.test('SM2: both ways with node, and back', async (t) => {
  const key = newKeyPair();
  t.ok(isPublicKey(key.publicKey));
  t.notOk(isPublicKey(key.publicKey.replace(/.$/, (last) => (last === '0' ? '1' : '0'))), 'no point of the curve');
  for (const text of ['', 'a=1&b=2', '测试𠮷']) {
    t.ok(nativeVerify(text, sign(text, key), key.publicKey), `node verifies ${text}`);
    t.ok(verify(text, nativeSign(text, key), key.publicKey), `node signs ${text}`);
  }
  const bytes = Buffer.from('0123456789abcdef');
  t.same(decrypt(encrypt(bytes, key.publicKey), key.privateKey), bytes);
  t.equal(encrypt(bytes, key.publicKey)[0], 4);
  t.equal(decrypt(encrypt(bytes, sample.publicKey), key.privateKey), undefined, 'for somebody else');
});

t.test('SM3 and SM4 of the standards', async (t) => {
  t.equal(sm3('abc'), '66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0');
  const key = Buffer.from('0123456789abcdeffedcba9876543210', 'hex');
  const block = createCipheriv('sm4-ecb', key, null).setAutoPadding(false);
  t.equal(block.update(key).toString('hex'), '681edf34d206965e86b3e94f536e4246', 'GB/T 32907');
  // With an IV of zeros the first block of CBC is that of ECB.
  const text = 'sixteen bytes ok';
  const first = createCipheriv('sm4-ecb', key, null).update(text);
  t.same(sm4Encrypt(text, key, Buffer.alloc(16)).subarray(16, 32), first);
  t.equal(sm4Encrypt(text, key, Buffer.alloc(16)).length, 48, 'PKCS#7 adds a whole block');
  t.equal(sm4Decrypt(sm4Encrypt('测试', key, Buffer.alloc(16, 7)), key), '测试');
  t.equal(sm4Decrypt(Buffer.alloc(7), key), undefined);
});

t.test('what is signed, letter by letter', async (t) => {
  const message = {
    timestamp: 1_774_000_000_000,
    nonce: 'n',
    appId: 'EGRET',
    success: false,
    zero: 0,
    signData: 'x',
    encData: 'x',
    encKey: 'x',
    extra: 'x',
    nothing: null,
    none: '',
    Big: 'B',
    data: { b: '2', a: { d: '', c: [] }, list: ['x', { z: 1, y: '' }], '10': '十', '9': '九', quote: '"\n' },
  };
  t.equal(
    stringToSign(message),
    'Big=B&appId=EGRET&data={"10":"十","9":"九","b":"2","list":["x",{"z":1}],"quote":"\\"\\n"}' +
      '&nonce=n&success=false&timestamp=1774000000000&zero=0',
  );
  t.equal(stringToSign({ data: {} }), '');
});

t.test('the order of the fields means nothing, every value does', async () => {
  const fields = fc.dictionary(fc.string({ minLength: 1 }), fc.jsonValue({ maxDepth: 3 }));
  fc.assert(
    fc.property(fields, (data) => {
      const turned = Object.fromEntries(Object.entries(data).reverse());
      return stringToSign({ data: turned }) === stringToSign({ data });
    }),
  );
  fc.assert(
    fc.property(fields, fc.string({ minLength: 1 }), (data, value) => {
      return (
        stringToSign({ data: { ...data, RESULT: value } }) !== stringToSign({ data: { ...data, RESULT: `${value}.` } })
      );
    }),
  );
});

t.test('Base64 has one form', async (t) => {
  t.same(fromBase64('AAE='), Buffer.of(0, 1));
  for (const text of ['AAE', 'AAF=', ' AAE=', 'AA-_', '', 7, undefined])
    t.equal(fromBase64(text), undefined, String(text));
});
