/** Paths of endpoints as patterns, and what their braces stand for. Main thread. */
import { wrongParameter } from '../api-error.js';

export interface PathPattern {
  readonly regexp: RegExp;
  readonly names: readonly string[];
}

const PREFIX = '/api/v2/';

/** @param template such as `nodes/{node}/clients/{client_id}`; @param isExact no slash may follow */
export function pathPattern(template: string, isExact = false): PathPattern {
  const names: string[] = [];
  const parts = template.split(/\{(\w+)\}/).map((part, at) => {
    if (at % 2 === 0) return part.replace(/[.*+?^$()[\]\\|]/g, '\\$&');
    names.push(part);
    return part === 'node' ? '([^/]+)' : '(.+?)';
  });
  // The seed says `node/` in one place where EMQ has `nodes/`; EMQ takes `route` for the list of routes.
  const source = parts.join('').replace(/^(node|route)s(?=\/\(\[|$)/, '$1s?');
  const start = template.startsWith('/') ? '' : PREFIX;
  return { regexp: new RegExp(`^${start}${source}${isExact ? '' : '/?'}$`), names };
}

/** @returns what each name stands for, decoded as EMQ does: like a form, so `+` is a blank. @throws ApiError 108 */
export function readPath({ names }: PathPattern, captures: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name, at) => [name, decode(captures[at] ?? '')]));
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw wrongParameter();
  }
}
