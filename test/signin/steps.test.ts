import t from 'tap';
import type { SignIn } from '../../src/accounts/accounts.ts';
import { type Flow, type Step, stepOf } from '../../src/signin/steps.ts';

const signIn: SignIn = {
  accountId: 'a',
  factors: ['password'],
  amr: ['pwd'],
  strength: 1,
  level: 0,
  at: 0,
  canAdd: ['sms'],
};
const code = {
  purpose: 'sign-in',
  challenge: 'sealed',
  mobile: '15400000117',
  mobileMasked: '154****0117',
  resendAt: 0,
  expiresAt: 0,
} as const;

/** What a journey has come to, and the step it leads to; written by hand. */
t.test('the next step, from stored state alone', async (t) => {
  const table: readonly (readonly [string, Flow, Step])[] = [
    ['nothing yet', {}, 'password'],
    ['the SMS way', { way: 'sms' }, 'sms'],
    ['registration', { way: 'register' }, 'register-mobile'],
    ['a forgotten password', { way: 'recover' }, 'recover-mobile'],
    ['the password way pauses', { way: 'password', pausedUntil: 1 }, 'paused'],
    ['a code was sent', { way: 'sms', code }, 'code'],
    ['whose mobile is it', { way: 'sms', identityProof: 'p' }, 'identity'],
    ['the mobile is proved', { way: 'register', code, proof: 'p' }, 'method'],
    ['and is a login name', { way: 'register', code, proof: 'p', mobileInUse: true }, 'mobile-in-use'],
    ['of another person', { way: 'register', code, proof: 'p', mobileInUse: true, another: true }, 'method'],
    ['a draft', { way: 'register', code, proof: 'p', draft: 'd' }, 'register-real-name'],
    ['proved for recovery', { way: 'recover', recoverProof: 'p' }, 'new-password'],
    ['of a real-named account', { way: 'recover', recoverProof: 'p', identityAsked: true }, 'recover-identity'],
    ['recovered', { signIn, recovered: true }, 'recovered'],
    ['signed in', { signIn }, 'finish'],
    ['the real name was proved', { signIn, proved: true }, 'real-name-result'],
    ['the province is asked', { signIn, waiting: 1 }, 'waiting'],
  ];
  for (const [what, flow, step] of table) t.equal(stepOf('login', flow, undefined, 'password'), step, what);
});

t.test('what a department asks for beyond the sign-in', async (t) => {
  const second = { secondFactor: true };
  t.equal(stepOf('login', { signIn }, second, 'password'), 'second-factor');
  t.equal(stepOf('login', { signIn, code }, second, 'password'), 'code');
  t.equal(stepOf('login', { signIn: { ...signIn, canAdd: ['password'] } }, second, 'password'), 'second-password');
  t.equal(stepOf('login', { signIn: { ...signIn, canAdd: [] } }, second, 'password'), 'finish', 'nothing can be added');
  t.equal(stepOf('login', { signIn }, { realName: true }, 'password'), 'real-name');
  t.equal(stepOf('login', { signIn, declined: true }, { realName: true, ...second }, 'password'), 'finish');
});

t.test('prompts and editions', async (t) => {
  t.equal(stepOf('consent', { signIn }, undefined, 'password'), 'consent');
  t.equal(stepOf('roaming_notice', {}, undefined, 'password'), 'roaming');
  t.equal(stepOf('roaming_notice', { way: 'sms' }, undefined, 'password'), 'sms', 'another account was chosen');
  t.equal(stepOf('login', {}, undefined, 'sms'), 'sms', 'the large edition opens on SMS');
  t.equal(stepOf('login', { way: 'password' }, undefined, 'sms'), 'password', 'unless a way was chosen');
});
