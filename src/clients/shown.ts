import type { Department } from '../web/parts.view.ts';
import type { ClientRecord } from './department.ts';

/** As pages name it: 市人社局 for short, 厦门市人力资源和社会保障局 in full. */
export const departmentOf = ({ department, name }: Pick<ClientRecord, 'department' | 'name'>): Department => ({
  seal: department.seal,
  name: { 'zh-CN': department.zh, en: department.en },
  short: { 'zh-CN': name.zh, en: name.en },
});
