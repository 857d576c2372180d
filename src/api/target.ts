/** What a request is about: its target in the one form that the rest of the API knows. Main thread. */

/**
 * @returns a path that begins with a slash, with its query, in ASCII: without the scheme and host that a client of a
 * proxy sends, without a fragment, and with bytes above 127 as percent-escapes. Null: it names nothing here
 */
export function originForm(target: string): string | null {
  const path = target.replace(/^https?:\/\/[^/?#]*/i, '').replace(/#.*$/s, '');
  if (path === '' || path.startsWith('?')) return target === path ? null : `/${path}`;
  if (!path.startsWith('/')) return null;
  // Node gives each byte as a character.
  return path.replace(/[^!-~]/g, (byte) => `%${byte.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
