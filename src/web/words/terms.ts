import type { Articles } from './articles.ts';

export const terms: Articles = {
  'zh-CN': {
    title: '服务协议',
    lead: '你和白鹭通行证之间的约定，尽量写短。',
    sections: [
      {
        heading: '这是什么',
        text: ['一个账号，登录一次，去厦门各政府部门的网站办事。免费。办的事由各部门负责。'],
      },
      {
        heading: '你的账号',
        list: [
          '一个人一个账号，用自己的手机号和真实身份。',
          '密码和验证码只给自己用。工作人员不会问你要验证码。',
          '不要把账号借给别人。替企业或家人办事，用部门提供的代办方式。',
          '发现不是自己登录的，马上在“设备与会话”里让它退出，或者打 12345。',
        ],
      },
      {
        heading: '我们做到的',
        list: [
          '给部门什么信息，先告诉你；需要同意的，先问你。',
          '不拿实名和登录做别的用途，没有广告。',
          '有一种登录方式用不了，就给出别的方式；网上办不了的，告诉你去哪里办。',
          '退出时，照实告诉你每个部门退出了没有。',
        ],
      },
      {
        heading: '不能做的',
        list: ['冒用别人的身份，试别人的密码。', '用程序大量登录、发短信。', '妨碍别人使用。'],
        after: ['有这些情况，我们会暂停账号，并告诉你怎么申诉；违法的，交有关部门处理。'],
      },
      {
        heading: '有时会停',
        text: ['维护和故障时可能暂停一部分。页面会写明从什么时候开始、哪些能用、下次什么时候更新。急事可以到窗口办。'],
      },
      {
        heading: '不用了',
        text: ['随时可以退出、收回授权。注销账号现在请打 12345 或到窗口办，办好了会告诉你删了什么、依法留了什么。'],
      },
      {
        heading: '改动和争议',
        text: [
          '协议改动会有新版本号，注册时记下你接受的版本；改动对你不利的，会提前公布，你可以不接受并注销。',
          '适用中华人民共和国法律。先打 12345 商量，商量不成的，可以依法申请复议或向法院起诉。',
        ],
      },
    ],
  },
  en: {
    title: 'Terms of service',
    lead: 'What you and Egret promise each other, kept short.',
    sections: [
      {
        heading: 'What it is',
        text: [
          'One account and one sign-in for the websites of government departments in Xiamen. Free of charge. The departments answer for the services themselves.',
        ],
      },
      {
        heading: 'Your account',
        list: [
          'One person, one account, with your own mobile and your true identity.',
          'Passwords and codes are for you alone. Our staff never ask for a code.',
          'Do not lend the account. To act for a company or for family, use the way the department offers.',
          'If a sign-in was not yours, end it under "Devices and sessions", or call 12345.',
        ],
      },
      {
        heading: 'What we promise',
        list: [
          'You are told what a department receives, and asked first where consent is needed.',
          'Your identity is used for nothing else, and there is no advertising.',
          'If one way to sign in does not work, there is another; what cannot be done online, we tell you where to do.',
          'At sign-out you are told truthfully which departments have signed you out.',
        ],
      },
      {
        heading: 'What is not allowed',
        list: [
          'To use the identity of somebody else, or try their password.',
          'To sign in or send messages in bulk by program.',
          'To hinder others.',
        ],
        after: [
          'In such cases we pause the account and tell you how to object; what breaks the law goes to the authorities.',
        ],
      },
      {
        heading: 'Interruptions',
        text: [
          'Maintenance and faults may pause a part. The page says since when, what still works, and when there is news. Counters are open for what is urgent.',
        ],
      },
      {
        heading: 'Leaving',
        text: [
          'You can sign out and withdraw at any time. To close the account, for now call 12345 or go to a counter; you are told what was deleted and what the law keeps.',
        ],
      },
      {
        heading: 'Changes and disputes',
        text: [
          'Changes get a new version, and your registration records the version you accepted. Where a change is to your disadvantage it is published beforehand, and you may refuse it and close the account.',
          'Chinese law applies. Call 12345 first; if that does not settle it, you may ask for review or go to court.',
        ],
      },
    ],
  },
};
