/** Reads the text format of Prometheus, version 0.0.4, and refuses what is none. */

export interface Family {
  readonly type: string;
  readonly help: string;
  readonly samples: { readonly labels: Readonly<Record<string, string>>; readonly value: number }[];
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/y;
const VALUE = /^-?(\d+(\.\d+)?(e[+-]?\d+)?|Inf)$/;

/** @throws Error with the line that is wrong */
export function parseExposition(text: string): Map<string, Family> {
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  const families = new Map<string, Family>();
  const seen = new Set<string>();
  let help: readonly [string, string] | null = null;
  let current = '';
  for (const line of text.slice(0, -1).split('\n')) {
    const [, word, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line) ?? [];
    if (word === 'HELP') {
      if (!NAME.test(name) || families.has(name) || help !== null) throw new Error(line);
      help = [name, rest];
    } else if (word === 'TYPE') {
      if (help?.[0] !== name || !['counter', 'gauge'].includes(rest)) throw new Error(line);
      families.set(name, { type: rest, help: help[1], samples: [] });
      help = null;
      current = name;
    } else {
      const [, sample = '', labels = '', value = ''] = SAMPLE.exec(line) ?? [];
      const series = `${sample}{${labels}}`;
      if (sample !== current || help !== null || !VALUE.test(value) || seen.has(series))
        throw new Error(line);
      seen.add(series);
      families.get(current)!.samples.push({ labels: parseLabels(labels), value: Number(value) });
    }
  }
  return families;
}

function parseLabels(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  let at = 0;
  while (at < text.length) {
    LABEL.lastIndex = at;
    const [all, name, value] = LABEL.exec(text) ?? [];
    if (all === undefined || name === undefined || name in labels) throw new Error(`labels ${text}`);
    labels[name] = value!.replace(/\\(.)/g, (_, escaped) => (escaped === 'n' ? '\n' : escaped));
    at = LABEL.lastIndex;
  }
  return labels;
}
