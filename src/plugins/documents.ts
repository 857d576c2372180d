/** What main keeps for plugins: what was set while the broker ran, and documents of their own. Main thread. */
import type { Documents, MainDocument } from '../base/document.js';

/** @returns what was set of a plugin while the broker ran */
export function settingsOf(store: Documents, plugin: string): MainDocument {
  return store.document(`plugins/${plugin}`, `plugins/${plugin}.json`);
}

/** @returns a document of the plugin's own. @throws Error for a name that is no word */
export function documentOf(store: Documents, plugin: string, name: string): MainDocument {
  if (!/^\w{1,64}$/.test(name)) throw new Error(`${name} is no name of a document`);
  return store.document(`plugins/${plugin}/${name}`, `plugins/${plugin}/${name}`);
}
