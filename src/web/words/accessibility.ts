import type { Articles } from './articles.ts';

export const accessibility: Articles = {
  'zh-CN': {
    title: '无障碍说明',
    lead: '每个人都要能自己登录。这里写明做到了什么，还有什么没做到。',
    sections: [
      {
        heading: '长辈版',
        text: [
          '页面上方或下方的“长辈版”换成大字、大按钮、更短的话；“返回标准版”换回来。选一次，这台浏览器会记住一年。',
        ],
      },
      {
        heading: '做到的',
        list: [
          '按 WCAG 2.2 AA 和工信部《互联网网站适老化通用设计规范》做。每一页用程序检查过，没有发现问题；检查的有手机和电脑、深浅两色、标准和长辈版、中文和英文。',
          '只用键盘就能办完每一步，焦点看得见。',
          '读屏软件能读：打码的姓名读作“张某”，号码读作“尾号 17”。',
          '放大到 400% 不用左右拖；可以改字距行距；跟随系统的深色和高对比度。',
          '关掉脚本也能用。没有图片拼图，没有拖动，密码和验证码可以粘贴。',
          '不只用颜色表示对错，都有图标和文字。',
        ],
      },
      {
        heading: '还没做到的',
        list: [
          '还没有“朗读本页”。请先用手机或电脑自带的朗读。',
          '还没有电话语音验证码。收不到短信的，用密码登录或到窗口。',
          '还没有请残障人士做过完整的试用。',
        ],
      },
      {
        heading: '不方便上网',
        text: ['打 12345，有人接听；或带证件到窗口，当场办。可以请家人陪着，但不要把密码和验证码告诉别人。'],
      },
      {
        heading: '发现问题',
        text: ['打 12345，说哪一页、用的什么设备、哪里不方便。'],
      },
    ],
  },
  en: {
    title: 'Accessibility',
    lead: 'Everybody should be able to sign in alone. This says what works, and what does not yet.',
    sections: [
      {
        heading: 'Large print',
        text: [
          '"Large print", at the top or the bottom of a page, brings large type, large buttons and shorter words; "Standard view" goes back. This browser remembers it for a year.',
        ],
      },
      {
        heading: 'What works',
        list: [
          'Built to WCAG 2.2 AA and to the MIIT guideline for older users. Every page is checked by program with no findings: phone and desktop, light and dark, standard and large print, Chinese and English.',
          'Every step can be done by keyboard, and the focus is visible.',
          'Screen readers get words for masks: a surname with "rest hidden", a number as "ending 17".',
          'At 400 % nothing scrolls sideways; spacing can be changed; dark and high contrast follow your system.',
          'It works without scripts. No picture puzzles, no dragging; passwords and codes can be pasted.',
          'Colour is never the only sign: there is an icon and a word.',
        ],
      },
      {
        heading: 'What does not yet',
        list: [
          'Pages cannot be read aloud by themselves; please use the voice of your phone or computer.',
          'There are no codes by voice call. Without text messages, use a password or a counter.',
          'People with disabilities have not yet tried all of it.',
        ],
      },
      {
        heading: 'If online is hard',
        text: [
          'Call 12345, somebody answers; or bring your card to a counter, it is done on the spot. Family may help, but keep passwords and codes to yourself.',
        ],
      },
      {
        heading: 'Found a problem?',
        text: ['Call 12345 and say which page, which device, and what was in the way.'],
      },
    ],
  },
};
