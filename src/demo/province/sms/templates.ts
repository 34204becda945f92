import { isJson } from '../wire/envelope.ts';

/** The text of a template with its params under the signature of its caller, or undefined when there is no such template or the params do not fit. */
export function render(
  template: unknown,
  params: unknown,
  signed: string,
): { template: string; params: Record<string, string>; text: string } | undefined {
  if (typeof template !== 'string' || !isJson(params)) return undefined;
  const signature = `【${signed}·演示】`;
  if (template === 'code') {
    const [code, minutes] = [String(params.code), String(params.minutes)];
    if (!/^\d{4,8}$/.test(code) || !/^\d{1,2}$/.test(minutes)) return undefined;
    const text = `${signature}验证码 ${code}，${minutes} 分钟内有效。不要告诉任何人，工作人员也不会问您要。`;
    return { template, params: { code, minutes }, text };
  }
  if (template === 'notice' && typeof params.text === 'string') {
    const { text } = params;
    return text.length > 0 && text.length <= 500 ? { template, params: { text }, text: signature + text } : undefined;
  }
  return undefined;
}
