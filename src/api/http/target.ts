/** What a request is about: its target in the one form that the rest of the API knows. Main thread. */

/**
 * @returns a path that begins with a slash, with its query: without the scheme and host that a client of a proxy
 * sends, and without a fragment. Null: it names nothing here
 */
export function originForm(target: string): string | null {
  const path = target.replace(/^https?:\/\/[^/?#]*/i, '').replace(/#.*$/s, '');
  if (path === '' || path.startsWith('?')) return target === path ? null : `/${path}`;
  return path.startsWith('/') ? path : null;
}
