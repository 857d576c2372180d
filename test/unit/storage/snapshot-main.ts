/** A process that looks at an environment until it is killed. Its argument is the directory. */
import { Environment } from '../../../src/storage/environment.js';

const environment = new Environment(process.argv[2]!, ['a', 'b']);
environment.snapshot();
process.send?.('looking');
setInterval(() => {}, 1_000);
