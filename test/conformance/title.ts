/** The form of a conformance test's title. Test code, no thread of its own. */

export interface Title {
  readonly versions: readonly { readonly version: 3 | 5; readonly ids: readonly string[] }[];
  readonly rule: string;
}

const FORM = /^(?:v[35](?: MQTT-\d+(?:\.\d+)*-\d+)+ ?)+: \S/;

/** Reads `v3 MQTT-3.1.0-1 v5 MQTT-3.1.0-1 MQTT-3.14.0-1: what is shown`. Throws at another form. */
export function parseTitle(title: string): Title {
  if (!FORM.test(title)) throw new Error(`not the title of a conformance test: ${title}`);
  const colon = title.indexOf(': ');
  const versions: { version: 3 | 5; ids: string[] }[] = [];
  for (const word of title.slice(0, colon).split(' ')) {
    if (word === 'v3' || word === 'v5') versions.push({ version: word === 'v3' ? 3 : 5, ids: [] });
    else versions.at(-1)?.ids.push(word);
  }
  return { versions, rule: title.slice(colon + 2) };
}
