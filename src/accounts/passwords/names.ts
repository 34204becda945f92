/**
 * Common Chinese names, in characters and in pinyin, built from the surnames and given names that occur most often: a
 * name and a year is what a guesser tries first. No list of persons: every surname stands beside every given name.
 */
const split = (list: string): string[] => list.trim().split(/\s+/);

/** Most common first, with their pinyin. */
const surnames =
  split(`王wang 李li 张zhang 刘liu 陈chen 杨yang 黄huang 赵zhao 吴wu 周zhou 徐xu 孙sun 马ma 朱zhu 胡hu 林lin 郭guo
  何he 高gao 罗luo 郑zheng 梁liang 谢xie 宋song 唐tang 许xu 邓deng 韩han 冯feng 曹cao 彭peng 曾zeng 萧xiao 田tian 董dong 潘pan
  袁yuan 蔡cai 蒋jiang 余yu 于yu 杜du 叶ye 程cheng 魏wei 苏su 吕lv 丁ding 任ren 卢lu 姚yao 沈shen 钟zhong 姜jiang 崔cui 谭tan
  陆lu 范fan 汪wang 廖liao 石shi 金jin 韦wei 贾jia 夏xia 付fu 方fang 邹zou 熊xiong 白bai 孟meng 秦qin 邱qiu 侯hou 江jiang
  尹yin 薛xue 洪hong 庄zhuang 欧阳ouyang`);

const givenNames =
  split(`伟wei 芳fang 娜na 敏min 静jing 丽li 强qiang 磊lei 洋yang 艳yan 勇yong 军jun 杰jie 娟juan 涛tao 超chao
  明ming 霞xia 平ping 刚gang 英ying 华hua 鹏peng 飞fei 辉hui 玲ling 斌bin 波bo 红hong 建国jianguo 建华jianhua 志强zhiqiang
  志明zhiming 秀英xiuying 桂英guiying 秀兰xiulan 玉兰yulan 玉梅yumei 桂兰guilan 婷婷tingting 浩然haoran 子涵zihan 梓涵zihan
  一诺yinuo 欣怡xinyi 雨桐yutong 宇轩yuxuan 浩宇haoyu 子轩zixuan 思远siyuan 佳怡jiayi 晓明xiaoming 小明xiaoming 丽娜lina
  建军jianjun 国强guoqiang 海燕haiyan 春梅chunmei 文静wenjing 俊杰junjie 三san 四si 五wu 六liu`);

const spoken = (entry: string): string => entry.replace(/\P{ASCII}/gu, '');
const written = (entry: string): string => entry.replace(/\p{ASCII}/gu, '');

/** Some 9,000 in all; made when first asked for, with the rest of the dictionaries. */
export function commonNames(): string[] {
  const names = new Set<string>();
  for (const given of givenNames)
    for (const surname of surnames) {
      names.add(spoken(surname) + spoken(given));
      names.add(written(surname) + written(given));
    }
  for (const surname of surnames) names.add(spoken(surname));
  for (const given of givenNames) names.add(spoken(given));
  return [...names].filter((name) => [...name].length > 1);
}
