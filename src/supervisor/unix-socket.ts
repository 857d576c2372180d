/** The file of a Unix domain socket, before and after it is bound. Main thread, at start only. */
import { chmod, lstat, stat, unlink } from 'node:fs/promises';
import { connect, type Server } from 'node:net';
import { dirname } from 'node:path';

/** No permission for anybody but the owner, and none to execute. */
const OWNER_ONLY_UMASK = 0o177;

/**
 * Removes the socket that a broker has left behind which did not end in order; touches nothing else.
 * @returns why the path cannot be listened on, and what to do about it; null when it can
 */
export async function clearSocketPath(path: string): Promise<string | null> {
  const file = await lstat(path).catch(codeOf);
  if (file === 'ENOENT') {
    const directory = dirname(path);
    return (await isDirectory(directory)) ? null : `there is no directory ${directory}; create it`;
  }
  if (typeof file === 'string') return `${path} cannot be looked at (${file})`;
  if (!file.isSocket()) return 'a file that is no socket has this name; remove it or choose another path';
  const refusal = await connectionError(path);
  if (refusal === null) return 'address already in use';
  if (refusal !== 'ECONNREFUSED') return `whether somebody uses this socket cannot be told (${refusal})`;
  const failure = await unlink(path).catch(codeOf);
  return failure === undefined ? null : `the socket left behind cannot be removed (${failure})`;
}

/**
 * Binds with a file that nobody else may use, so that there is no moment in which more may than `setMode` says.
 * Errors and success are the server's events, as with `listen`.
 */
export function listenPrivately(server: Server, path: string, backlog: number): void {
  // The path is bound before `listen` returns, and no other code of this thread runs meanwhile.
  const umask = process.umask(OWNER_ONLY_UMASK);
  try {
    server.listen({ path, backlog });
  } finally {
    process.umask(umask);
  }
}

/** Lets those connect who are to. @throws Error of the file system */
export function setMode(path: string, mode: number): Promise<void> {
  return chmod(path, mode);
}

async function isDirectory(path: string): Promise<boolean> {
  const found = await stat(path).catch(codeOf);
  return typeof found !== 'string' && found.isDirectory();
}

/** @returns null when somebody takes the connection, which is closed at once */
function connectionError(path: string): Promise<string | null> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(null);
    });
    socket.once('error', (error) => resolve(codeOf(error)));
  });
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error);
}
