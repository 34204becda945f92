import type { Department } from './parts.view.ts';

/** What samples of views are made of: departments of the demonstration, and a morning. Nobody in them exists. */
export const departments = {
  renshe: {
    seal: '社',
    name: { 'zh-CN': '厦门市人力资源和社会保障局', en: 'Xiamen Human Resources and Social Security Bureau' },
    short: { 'zh-CN': '市人社局', en: 'Human Resources and Social Security Bureau' },
  },
  gongjijin: {
    seal: '金',
    name: { 'zh-CN': '厦门市住房公积金中心', en: 'Xiamen Housing Provident Fund Center' },
    short: { 'zh-CN': '市公积金中心', en: 'Housing Provident Fund Center' },
  },
  yibao: {
    seal: '医',
    name: { 'zh-CN': '厦门市医疗保障局', en: 'Xiamen Healthcare Security Administration' },
    short: { 'zh-CN': '市医保局', en: 'Healthcare Security Administration' },
  },
  jianguan: {
    seal: '监',
    name: { 'zh-CN': '厦门市市场监督管理局', en: 'Xiamen Administration for Market Regulation' },
    short: { 'zh-CN': '市市场监管局', en: 'Administration for Market Regulation' },
  },
} as const satisfies Record<string, Department>;

/** `sampleTime('09:16')`: that minute of 18 March 2026 in Beijing. */
export const sampleTime = (clock: string, date = '2026-03-18'): number => Date.parse(`${date}T${clock}:00+08:00`);
