import type { Articles } from './articles.ts';

export const faq: Articles = {
  'zh-CN': {
    title: '常见问题',
    lead: '没找到的，打 12345。',
    sections: [
      {
        heading: '收不到验证码',
        text: [
          '先等一分钟，看看有没有被拦截，再按“重新发送”。一个手机号一天最多 10 条。还收不到，用密码或福建省统一登录。工作人员不会问你要验证码。',
        ],
      },
      {
        heading: '忘了密码',
        text: ['在登录页按“忘记密码”，用短信验证码换一个。实过名的，还要核对姓名和证件号码。'],
      },
      {
        heading: '密码试错了，账号被锁了吗',
        text: ['没有锁账号。连错 5 次，密码登录会停一会儿，页面写着停到几点。短信和福建省统一登录照常用。'],
      },
      {
        id: 'level',
        heading: '实名级别有什么用',
        list: [
          '未实名：能登录、评价，不能查个人的事。',
          '初级实名：姓名、证件号码、手机号和福建省实名平台核对一致。能查社保、公积金、医保，能预约。',
          '高级实名：再证实一次是本人，例如提取公积金。现在请到窗口办。',
          '窗口实名：工作人员当面核对过。',
        ],
      },
      {
        heading: '核对不一致怎么办',
        text: [
          '看看三项是不是同一个人的：手机号要是本人实名办的。一天能试 3 次。改过名、换过证的，带证件到窗口，当场就能办。',
        ],
      },
      {
        heading: '为什么去别的部门不用再登录',
        text: ['登录一次，30 分钟内去哪个部门都不用再登。第一次去，会先告诉你它会收到什么。不想这样，办完按“退出”。'],
      },
      {
        heading: '部门拿了我什么，怎么收回',
        text: ['在“我的账号”的“授权”里看，也在那里收回。收回后它不能再取，已办的事不受影响。'],
      },
      {
        heading: '退出时有部门“未响应”',
        text: [
          '白鹭通行证这边已经退出了，那个部门还没有回应。我们会继续通知它，最迟到页面写的时间，它那边自己会失效。在公用电脑上，请关掉浏览器。',
        ],
      },
      {
        heading: '换了手机号',
        text: ['用旧号登录过的，先用密码或福建省统一登录。旧号收不到短信又没有密码的，带证件到窗口办。'],
      },
      {
        id: 'counter',
        heading: '去窗口要带什么',
        text: [
          '带证件原件，到就近的政务服务中心，说办“白鹭通行证”。本人去；不满 14 岁的，监护人带上户口簿陪着。哪个窗口能办、几点开门，打 12345 问。',
        ],
      },
    ],
  },
  en: {
    title: 'Help',
    lead: 'Not here? Call 12345.',
    sections: [
      {
        heading: 'No code arrives',
        text: [
          'Wait a minute, see whether it was blocked, then press "send again". A mobile gets 10 messages a day at most. Otherwise use a password or the Fujian provincial sign-in. Our staff never ask for a code.',
        ],
      },
      {
        heading: 'Forgotten password',
        text: [
          'Press "Forgotten password" on the sign-in page and set a new one with a text message code. With a verified name you are also asked for name and ID number.',
        ],
      },
      {
        heading: 'Too many wrong passwords: is the account locked?',
        text: [
          'No. After 5 wrong ones in a row the password way pauses for a while, and the page says until when. Text messages and the Fujian provincial sign-in work as usual.',
        ],
      },
      {
        id: 'level',
        heading: 'What levels are for',
        list: [
          'Not verified: sign in and rate services, but see nothing personal.',
          'Basic level: name, ID number and mobile agree with the Fujian real-name service. Look up social security, provident fund and healthcare, make appointments.',
          'Advanced level: shown once more that it is you, for instance to withdraw from the provident fund. For now at a counter.',
          'Counter level: checked face to face by staff.',
        ],
      },
      {
        heading: 'The details do not match',
        text: [
          'All three must belong to one person: the mobile must be registered in your own name. You have 3 tries a day. After a change of name or card, bring the card to a counter; it is done on the spot.',
        ],
      },
      {
        heading: 'Why need I not sign in again at the next department?',
        text: [
          'One sign-in is good for every department within 30 minutes. The first time you go to one, you are told what it receives. If you do not want this, sign out when you are done.',
        ],
      },
      {
        heading: 'What did a department get, and how do I withdraw?',
        text: [
          'See "Authorisations" in "My account", and withdraw there. Afterwards it can fetch nothing more; what is done stays done.',
        ],
      },
      {
        heading: 'At sign-out a department gave no answer',
        text: [
          'You are signed out of Egret; that department has not answered. We keep telling it, and by the time on the page its own session ends. On a shared computer, close the browser.',
        ],
      },
      {
        heading: 'A new mobile number',
        text: [
          'Sign in with your password or the Fujian provincial sign-in. If the old number gets no messages and you have no password, bring your card to a counter.',
        ],
      },
      {
        id: 'counter',
        heading: 'What to bring to a counter',
        text: [
          'The card itself, to any government service centre; say "Egret". Come yourself; children under 14 with a guardian and the household register. Call 12345 to ask which counter, and when it is open.',
        ],
      },
    ],
  },
};
