/** `npm run docs`: writes the generated pages of docs/. */
import { writeFileSync } from 'node:fs';
import { conformancePage, PAGE, readTitles, testsByStatement } from '../conformance/table.js';
import { configurationPage } from './configuration-page.js';

writeFileSync(new URL('../../../docs/configuration.md', import.meta.url), configurationPage());
writeFileSync(PAGE, conformancePage(testsByStatement(readTitles())));
