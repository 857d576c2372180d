/**
 * Tests that use a program which is not everywhere: where it is missing they are skipped, and the report says
 * why.
 */
import { execFileSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';

/** Something outside of Node and the project's packages that a test needs. */
export interface Requirement {
  readonly name: string;
  isMet(): boolean;
}

/** Registers a test, or a skipped one whose title says what it needs. One after the other: programs are heavy. */
export type RegisterTest = (title: string, body: (t: ExecutionContext) => Promise<void> | void) => void;

/** @param requirements names of programs, or other requirements; all must be met. */
export function needs(...requirements: readonly (string | Requirement)[]): RegisterTest {
  const missing = requirements
    .map((requirement) => (typeof requirement === 'string' ? program(requirement) : requirement))
    .filter((requirement) => !requirement.isMet());
  if (missing.length === 0) return (title, body) => test.serial(title, body);
  const names = missing.map((requirement) => requirement.name).join(', ');
  return (title, body) => test.serial.skip(`${title} (skipped: needs ${names})`, body);
}

/** For what only `/proc` tells. */
export const LINUX: Requirement = { name: 'Linux', isMet: () => process.platform === 'linux' };

/** An executable on the PATH. */
export function program(name: string): Requirement {
  return {
    name,
    isMet: () => pathOf(name) !== null,
  };
}

function pathOf(name: string): string | null {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return folders.map((folder) => join(folder, name)).find(isExecutable) ?? null;
}

/** A Python with this module; `pythonWith` says which. */
export function pythonModule(name: string): Requirement {
  return { name: `python3 with ${name}`, isMet: () => pythonWith(name) !== null };
}

/** @returns the interpreter that can import a module: the first on the PATH, else the system's own; or null. */
export function pythonWith(module: string): string | null {
  return ['python3', '/usr/bin/python3'].find((python) => canImport(python, module)) ?? null;
}

/** A browser; `chromiumPath` says where. */
export const CHROMIUM: Requirement = { name: 'Chromium', isMet: () => chromiumPath() !== null };

/** @returns the first Chromium on the PATH, under the names that distributions give it; or null. */
export function chromiumPath(): string | null {
  const names = ['chromium', 'chromium-browser', 'google-chrome'];
  return names.map(pathOf).find((path) => path !== null) ?? null;
}

function canImport(python: string, module: string): boolean {
  try {
    execFileSync(python, ['-c', `import ${module}`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
