import type { Articles } from './articles.ts';

/** 《个人信息保护法》 articles 17, 30 and 35 say what a person must be told; this says it. */
export const privacy: Articles = {
  'zh-CN': {
    title: '隐私政策',
    lead: '我们留什么、为什么、留多久、给谁，以及你能怎么管。依据是《中华人民共和国个人信息保护法》。',
    sections: [
      {
        heading: '谁在处理',
        text: [
          '白鹭通行证是厦门市统一身份认证平台，替各政府部门确认来办事的是谁。部门拿到信息以后怎么用，由那个部门负责，它也要告诉你。',
          '有疑问、要投诉或者要行使权利，打 12345，说“白鹭通行证”。',
        ],
      },
      {
        heading: '留什么，为什么',
        list: [
          '手机号：登录、发验证码、重要变动时通知你。',
          '密码：只留算不回去的摘要，我们自己也看不到原文。可以不设密码。',
          '姓名、证件类型、证件号码：你实名以后才有，用来确认一个人只有一个账号、来办事的是本人。属于敏感个人信息，只在实名核对和你同意给部门时用。',
          '实名级别、核对时间，以及福建省统一登录给的编号（用它登录过才有）。',
          '登录记录：时间、方式、设备和浏览器的种类（例如“安卓手机，Chrome”）、进入过哪些部门。不记位置。',
          '用过的浏览器：一个随机编号的摘要，用来让别人试密码时不会把你锁在外面。',
          '授权记录：你同意过什么、没同意什么、什么时候、当时页面的版本，以及收回的时间。',
          '留痕：登录、授权、退出等重要操作。里面只有编号，没有姓名、证件号码和手机号。',
        ],
        after: ['不收集指纹、人脸、位置和通讯录。没有广告，没有别家的统计代码。'],
      },
      {
        heading: '依据什么',
        list: [
          '为履行法定职责所必需（第十三条第一款第三项、第三十四条）：确认身份、防止冒用、留痕。',
          '你的同意（第十三条第一款第一项）：把信息给部门。不给不影响用其他服务。',
          '单独同意（第二十三条、第二十九条）：把完整证件号码等敏感信息给部门，逐项问你，都不预先勾选。',
        ],
      },
      {
        heading: '留多久',
        list: [
          '短信验证码：最长 10 分钟。',
          '登录状态：30 分钟没有操作要重新登录，最长 12 小时。',
          '试错次数、发短信次数：一天。',
          '登录记录：登录结束以后页面上不再显示，和留痕一起保留。',
          '账号资料：账号在就在；注销以后删除，法律要求保留的除外。',
          '授权：到你收回，或到授权页上写的日期。收回以后，当时同意过的凭据仍要保留，用来证明我们没有乱给。',
          '留痕：只增不改，不少于法律要求的六个月。',
        ],
      },
      {
        heading: '给谁',
        list: [
          '你去办事的部门：只给授权页上列出来的。每个部门拿到的编号都不一样，对不到一起。',
          '福建省实名平台：实名时送去姓名、证件号码、手机号三项，只比对；用福建省统一登录时，由它告诉我们你是谁。',
          '发短信的通道：手机号和短信内容。',
        ],
        after: ['不卖，不用于营销，不出境。公安、司法机关依法调取的，按法律办。'],
      },
      {
        heading: '怎么保护',
        list: [
          '姓名、证件号码、手机号加密保存，页面上打码显示。',
          '验证码、登录凭据只存摘要，拿走数据库也登录不了。',
          '留痕首尾相扣，改动、删减能查出来。',
          '万一泄露，我们会尽快补救，并按第五十七条通知你和主管部门。',
        ],
      },
      {
        id: 'rights',
        heading: '你的权利',
        list: [
          '知道和查看：在“我的账号”看登录过的设备、给过的授权。',
          '收回同意：在“授权”里一键收回，不影响收回之前已经办的事。',
          '拿一份副本、更正、删除、注销账号、要求解释：现在还不能在网上办，请打 12345 或带证件到窗口。',
          '不满意的，可以向网信部门投诉，或向法院起诉。',
        ],
      },
      {
        heading: '孩子的信息',
        text: ['不满 14 岁的，由监护人陪着到窗口办，经监护人同意才处理（第三十一条）。网上不收。'],
      },
      {
        heading: 'Cookie',
        text: [
          '只用几个必需的：记住你登录了、记住这台浏览器、记住你要去哪个部门（一天）、记住语言和长辈版、防止别的网站冒名提交。没有跟踪用的。',
        ],
      },
      {
        heading: '改了会怎样',
        text: ['改动会有新的版本号和日期，写在这一页。部门要用的信息变了，再去时会重新问你。'],
      },
    ],
  },
  en: {
    title: 'Privacy policy',
    lead: 'What is kept, why, for how long, who gets it, and what you can do. Under the Personal Information Protection Law of the PRC.',
    sections: [
      {
        heading: 'Who is responsible',
        text: [
          'Egret is the unified identity platform of Xiamen: it tells government departments who is there. What a department does with what it receives is its own responsibility, and it must tell you too.',
          'For questions, complaints or your rights, call 12345 and say "Egret".',
        ],
      },
      {
        heading: 'What is kept, and why',
        list: [
          'Mobile number: to sign in, to send codes, to tell you of important changes.',
          'Password: only a digest that cannot be turned back. Nobody here can read it. You need not have one.',
          'Name, kind of card, ID number: only after your name is verified, so that one person has one account and it is you who comes. This is sensitive personal information, used only for that check and where you agree to give it.',
          'Your level, when it was checked, and the number the Fujian provincial sign-in gave (if you used it).',
          'Sign-ins: time, way, kind of device and browser (such as "Android phone, Chrome"), departments visited. No location.',
          'Known browsers: the digest of a random number, so that strangers who guess passwords cannot lock you out.',
          'Consents: what you agreed to and what not, when, on which version of the page, and when you withdrew.',
          'The audit trail: sign-ins, consents, sign-outs and the like. It holds references only, no name, ID number or mobile.',
        ],
        after: [
          'No fingerprints, faces, locations or contacts are collected. There is no advertising and no code of other sites.',
        ],
      },
      {
        heading: 'Legal basis',
        list: [
          'Duties set by law (articles 13 (1) 3 and 34): to know who it is, to stop impostors, to keep the trail.',
          'Your consent (article 13 (1) 1): to give information to a department. Without it, other services work as before.',
          'Separate consent (articles 23 and 29): to give sensitive information such as the full ID number. Each item is asked alone, none is ticked beforehand.',
        ],
      },
      {
        heading: 'For how long',
        list: [
          'Text message codes: 10 minutes at most.',
          'Being signed in: 30 minutes without use, 12 hours at most.',
          'Counts of tries and messages: one day.',
          'Sign-ins: no longer shown once they ended; kept as long as the audit trail.',
          'Your account: as long as it exists; deleted when you close it, except what the law requires us to keep.',
          'Consents: until you withdraw, or the date on the consent page. The receipt stays, to prove that nothing was given without it.',
          'The audit trail: only added to, never changed, for no less than the six months the law requires.',
        ],
      },
      {
        heading: 'Who gets it',
        list: [
          'The department you go to: only what the consent page lists. Each gets another number for you; they cannot be matched.',
          'The Fujian real-name service: name, ID number and mobile, to be compared when you verify; with the provincial sign-in, it tells us who you are.',
          'The text message service: the mobile and the message.',
        ],
        after: [
          'Nothing is sold, used for marketing, or sent abroad. Police and courts get what the law entitles them to.',
        ],
      },
      {
        heading: 'How it is protected',
        list: [
          'Names, ID numbers and mobiles are kept encrypted and shown masked.',
          'Codes and sign-in tokens are kept as digests: a stolen database signs nobody in.',
          'The audit trail is chained: a change or a gap is found.',
          'If something leaks, we act at once and tell you and the authorities (article 57).',
        ],
      },
      {
        id: 'rights',
        heading: 'Your rights',
        list: [
          'To know and see: "My account" shows your devices and consents.',
          'To withdraw: one click under "Authorisations". What was done before stays done.',
          'To get a copy, correct, delete, close the account, or have things explained: not online yet. Call 12345 or bring your card to a counter.',
          'If you are not satisfied, you can complain to the cyberspace administration or go to court.',
        ],
      },
      {
        heading: 'Children',
        text: [
          'Children under 14 register at a counter with a guardian, and only with the consent of the guardian (article 31). Nothing is collected online.',
        ],
      },
      {
        heading: 'Cookies',
        text: [
          'Only a few that are needed: that you are signed in, this browser, which department you are on the way to (for a day), your language and print size, and protection against other sites posting in your name. None of them tracks you.',
        ],
      },
      {
        heading: 'Changes',
        text: [
          'A change gets a new version and date on this page. When a department wants other information, you are asked again the next time you go there.',
        ],
      },
    ],
  },
};
