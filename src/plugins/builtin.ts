/** The broker's own plugins. Main thread. */
import type { Plugin } from './api.js';
import authClientid from './emq_auth_clientid/plugin.js';
import authUsername from './emq_auth_username/plugin.js';
import modules from './emq_modules/plugin.js';
import template from './emq_plugin_template/plugin.js';
import recon from './emq_recon/plugin.js';
import reloader from './emq_reloader/plugin.js';
import retainer from './emq_retainer/plugin.js';

export const BUILTIN: readonly Plugin[] = [
  authClientid,
  authUsername,
  modules,
  template,
  recon,
  reloader,
  retainer,
];
