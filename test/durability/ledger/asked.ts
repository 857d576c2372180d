/** Tests of what is being built: they run only where somebody asks for them. */
import type { Requirement } from '../../helpers/needs.js';

/** LEDGER_KILLS is set. */
export const ASKED: Requirement = {
  name: 'LEDGER_KILLS',
  isMet: () => process.env['LEDGER_KILLS'] !== undefined,
};
