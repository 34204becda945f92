/**
 * What people here choose when they must choose a password: phrases in pinyin, numbers that sound like words, and the
 * places and brands at hand. Most common first: the order is the rank that the estimate works with.
 */
const lists = [
  // love, good wishes, everyday words
  `woaini woaini1314 woaini520 woaiwojia woaiziji woaimama woaibaba woaini521 wodemima mima mimashi wodeshengri
   wodejia wodeai wodeaini aini aini1314 aiwo aiqing laopo laogong woailaopo woailaogong baobao baobei qinaide
   qinaiwo xiangni wohenni buyaowen bugaosuni zhidaole bangbangtang meimei gege jiejie didi mama baba nainai yeye
   nihao nihaoma nimenhao dajiahao zaoshanghao wanshanghao xiexie duibuqi meiguanxi zaijian mingtian zuotian jintian
   kaixin kuaile shengrikuaile xinniankuaile gongxifacai facai facaile zhaocaijinbao jixiang ruyi jixiangruyi pingan
   pinganfu yilupingan yilufengshun wanshiruyi fulushou changming jiankang xingfu xingyun haoyun tiantiankaixin
   tiantianxiangshang jiayou haohaoxuexi nuli chenggong mengxiang weilai ziyou xiwang yongyuan yishengyishi
   buxiangshuohua wushuowei suibian wangle wangjile mimawangle jizhu buzhidao shabi caonima wocao tamade nimabi diaosi
   goushi laozi xiaoming xiaohong xiaohua xiaobai xiaohei xiaomao xiaogou maomi gougou zhuzhu xiaozhu dabendan bendan
   shazi haizi erzi nver tongxue pengyou laoshi xuesheng yisheng hushi laoban yuangong lingdao`,
  // places and brands
  `zhongguo zhonghua woaizhongguo zhongguoren beijing shanghai guangzhou shenzhen tianjin chongqing hangzhou nanjing
   wuhan chengdu xian suzhou fujian fuzhou xiamen quanzhou zhangzhou putian longyan sanming nanping ningde gulangyu
   jimei haicang tongan xiangan siming huli bailu bailutongxingzheng minzhengtong taiwan xianggang aomen guangdong
   zhejiang jiangsu sichuan henan hebei hunan hubei shandong shanxi yunnan guizhou hainan dongbei haerbin dalian
   qingdao changsha zhengzhou kunming nanning weixin zhifubao taobao tianmao jingdong alibaba tengxun baidu xinlang
   weibo douyin kuaishou xiaomi huawei pinduoduo meituan wangyi wangzhe wangzherongyao yingxiong yingxionglianmeng
   chuanyuehuoxian dixiacheng moshou menghuanxiyou qqmima qqhao`,
  // seasons, animals, nature, months
  `chuntian xiatian qiutian dongtian taiyang yueliang xingxing dahai lantian baiyun meigui mudan taohua yinghua lanse
   hongse baise heise lvse zise fense shuiguo pingguo xiangjiao xigua caomei laohu shizi longma tulong fenghuang
   zhuque xuanwu qilin daxiong xiongmao tuzi houzi gongji yiyue eryue sanyue siyue wuyue liuyue qiyue bayue jiuyue
   shiyue shiyiyue shieryue xingqiyi suiyue liunian shiguang niandai zhishi yinwei suoyi`,
  // numbers that sound like words, dates everyone knows, rows of keys
  `1314 520 521 5201314 1314520 5211314 1314521 7758258 7758521 88888888 66666666 168 168168 518518 888168 666888 886
   9958 3344520 3344521 147258369 147258 159357 123654 741852963 112233 445566 778899 110120119 123123 321321 456456
   987654321 1qaz2wsx 1qazxsw2 qazwsx qazwsxedc zaq12wsx qweasdzxc 1q2w3e4r qwe123 asd123 zxc123 qq123456 wang123
   zhang123 li123456 aa123456 abc123456 a123456789 woshishui woshini woshi woshilaoda laoda`,
  // the same in characters
  `我爱你 我想你 我爱你一生一世 一生一世 我的密码 密码 我是谁 你好 大家好 中国 我爱中国 厦门 福建 白鹭 白鹭通行证 生日快乐
   新年快乐 恭喜发财 天天开心 好好学习 天天向上 平安 幸福 永远 老婆 老公 妈妈 爸爸 宝贝 万事如意 一路平安 心想事成
   身体健康 阖家欢乐 福如东海 寿比南山`,
];

export const phrases: readonly string[] = lists.flatMap((list) => list.trim().split(/\s+/));
