/** Which options a listener has: finds the one that a key means. Main thread, at start only. */
import { SNI_CERTIFICATES_MAX } from '../limits.js';
import { listOfItem } from './listener-draft.js';
import { ENCRYPTED, WITH_ADDRESS } from './listener-option.js';
import {
  IDLE_OPTIONS,
  LISTENER_OPTIONS,
  type ListenerOptionName,
  SOCKET_OPTIONS,
} from './listener-options.js';
import { LISTENER_TYPES, type ListenerType } from './listener-types.js';
import { nearest } from './suggest.js';

const PLAIN_NAMES = [
  'bind',
  'access.1',
  'sni.1.certfile',
  'sni.1.keyfile',
  ...Object.keys(LISTENER_OPTIONS),
  ...Object.keys(IDLE_OPTIONS),
];
const SOCKET_PREFIX = 'tcp_options';
/** EMQ reads it on `api` listeners too, and does nothing with it there. */
const EMQ_API_OPTION = 'rate_limit';

/** The name by which an option is filed, or what should have been there instead. */
export type OptionFound = { readonly option: string } | { readonly expected: string };

/** @param words what follows `listener.TYPE.NAME.`; @param prefix that beginning, for hints */
export function findOption(words: string, type: ListenerType, prefix: string): OptionFound {
  if (words === SOCKET_PREFIX || words.startsWith(`${SOCKET_PREFIX}.`))
    return socketOption(words.slice(SOCKET_PREFIX.length + 1), type, prefix);
  const types = typesWith(words);
  if (types === null) {
    const meant = nearest(words, PLAIN_NAMES);
    return {
      expected: `a listener option that exists${meant === null ? '' : `; did you mean ${prefix}.${meant}?`}`,
    };
  }
  if (types.includes(type) || (type === 'api' && words === EMQ_API_OPTION)) return { option: words };
  return { expected: `a listener of the type ${oneOf(types)} for this option` };
}

const oneOf = (words: readonly string[]): string => words.join(', ').replace(/, (?=[^,]*$)/, ' or ');

/** `tcp_options.X` is another way to write some of the options. */
function socketOption(name: string, type: ListenerType, prefix: string): OptionFound {
  if (SOCKET_OPTIONS.includes(name)) return findOption(name, type, prefix);
  const meant = name === '' ? null : nearest(name, SOCKET_OPTIONS);
  const hint = meant === null ? '' : `; did you mean ${prefix}.${SOCKET_PREFIX}.${meant}?`;
  return { expected: `${SOCKET_PREFIX}.X, with ${SOCKET_OPTIONS.join(', ')} as X${hint}` };
}

/** @returns the types of listeners on which the option means something; null when there is none of this name. */
function typesWith(words: string): readonly ListenerType[] | null {
  const name = listOfItem(words) ?? words;
  if (Object.hasOwn(LISTENER_OPTIONS, name)) return LISTENER_OPTIONS[name as ListenerOptionName].on;
  if (/^access\.\d{1,4}$/.test(words)) return WITH_ADDRESS;
  const sni = /^sni\.([1-9]\d?)\.(?:certfile|keyfile)$/.exec(words);
  if (sni !== null && Number(sni[1]) <= SNI_CERTIFICATES_MAX) return ENCRYPTED;
  return words === 'bind' || Object.hasOwn(IDLE_OPTIONS, words) ? LISTENER_TYPES : null;
}
