import { allSettings } from './settings.ts';

/** `docs/limits.md`: every setting with its unit, bounds, default and meaning. */
export function limitsTable(): string {
  const code = (value: unknown) => `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``;
  const rows = allSettings().map((setting) => {
    const { path, unit = '', minimum, maximum, description, shown, env, secret } = setting;
    const bounds = setting.enum
      ? setting.enum.map(code).join(' ')
      : minimum === undefined
        ? ''
        : `${minimum} to ${maximum}`;
    const variable = env ? ` ${code(env)}${secret ? ` ${code(`${env}_FILE`)}` : ''}` : '';
    return `| ${code(path.join('.'))}${variable} | ${shown?.includes('<') || !shown ? code(shown ?? setting.default) : shown} | ${unit} | ${bounds} | ${description} |`;
  });
  return [
    '# Settings and limits',
    '',
    'Made by `egret config limits` from the table that checks the configuration; a test compares them.',
    '',
    'Settings stand in `config/egret.yaml` (another file: `EGRET_CONFIG`), nested at the points of their names. A variable of the',
    'environment, where one is named, is stronger than the file. Unknown names stop the start. Values with a password come from',
    'the environment, or from the file that the variable with `_FILE` names, never from YAML.',
    '',
    '| setting | default | unit | allowed | what it is |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}
