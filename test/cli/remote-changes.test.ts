/** Commands that change something in a broker that runs. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { withApi } from '../helpers/api.js';
import { typing } from './remote.js';
import { temporaryDir } from './run-cli.js';

const NO_PASSWORD = 'there is no password in the first line of standard input, nor a terminal to ask on';

test(
  'config: get all, get one, set; what is wrong is said as the file’s mistakes are',
  withApi({}, async (_ask, broker, t) => {
    const type = typing(broker.apiPort);
    t.regex((await type('config')).stdout, /^mqtt\.session\.max_inflight\t32\tinteger\temqttd$/m);
    t.is((await type('config get mqtt.session.max_inflight')).stdout, '32\n');
    t.deepEqual(await type('config set mqtt.session.max_inflight 50'), {
      code: 0,
      stdout: 'mqtt.session.max_inflight is 50\n',
      stderr: '',
    });
    t.is((await type('config get mqtt.session.max_inflight')).stdout, '50\n');
    t.deepEqual(await type('config set mqtt.session.max_inflight lots'), {
      code: 1,
      stdout: '',
      stderr: 'shardmq: mqtt.session.max_inflight: expected an integer, 0 to 65535\n',
    });
    t.deepEqual(await type('config reset mqtt.session.max_inflight'), {
      code: 0,
      stdout: 'mqtt.session.max_inflight is 32\n',
      stderr: '',
    });
    const near =
      'shardmq: mqtt.session.max_inflite is no key that may be changed while the broker runs; did you mean';
    for (const line of ['config get mqtt.session.max_inflite', 'config set mqtt.session.max_inflite 1']) {
      t.like(await type(line), { code: 1, stderr: `${near} mqtt.session.max_inflight?\n` });
    }
    t.is((await type('config set x 1 --app nothing')).code, 1);
  }),
);

test(
  'plugins of a broker that runs: list, load, unload',
  withApi({}, async (_ask, broker, t) => {
    const type = typing(broker.apiPort);
    t.regex(
      (await type('plugins')).stdout,
      /^emq_auth_username\t\S+\tfalse\tAuthentication with Username\/Password$/m,
    );
    t.deepEqual(await type('plugins load emq_auth_username'), {
      code: 0,
      stdout: 'emq_auth_username runs, and starts with the broker\n',
      stderr: '',
    });
    t.like(await type('plugins load emq_auth_username'), {
      code: 1,
      stderr: 'shardmq: emq_auth_username runs already\n',
    });
    t.like(await type('plugins unload emq_auth_username'), {
      code: 0,
      stdout: 'emq_auth_username has stopped, and no longer starts with the broker\n',
    });
    t.like(await type('plugins unload emq_auth_username'), {
      code: 1,
      stderr: 'shardmq: emq_auth_username does not run\n',
    });
    t.like(await type('plugins load emq_auth_usrname'), {
      code: 1,
      stderr: 'shardmq: there is no plugin emq_auth_usrname; did you mean emq_auth_username?\n',
    });
  }),
);

test(
  'users: added, with a new password, removed; passwords come from files',
  withApi({}, async (ask, broker, t) => {
    const type = typing(broker.apiPort);
    const dir = temporaryDir(t);
    const first = join(dir, 'first');
    const second = join(dir, 'second');
    writeFileSync(first, 'one : ü\nnot this\n');
    writeFileSync(second, 'two');
    t.like(await type(`users add ann --tags operator --new-password-file ${first}`), {
      code: 0,
      stdout: 'ann may use the API\n',
    });
    t.is((await type('users')).stdout, 'admin\tadministrator\nann\toperator\n');
    t.is((await ask('GET users', { user: 'ann:one : ü' })).status, 200);
    t.is((await type(`users --user ann --password-file ${first}`)).code, 0);
    t.like(await type(`users add ann --new-password-file ${first}`), {
      code: 1,
      stderr: 'shardmq: there is a user ann already; shardmq users passwd changes the password\n',
    });
    t.like(await type(`users passwd ann --old-password-file ${second} --new-password-file ${second}`), {
      code: 1,
      stderr: 'shardmq: that is not the old password of ann\n',
    });
    t.like(await type(`users passwd ann --user ann --password-file ${first} --new-password-file ${second}`), {
      code: 0,
      stdout: 'ann has a new password\n',
    });
    t.is((await type(`users --user ann --password-file ${second}`)).code, 0);
    t.like(await type('users del ann'), { code: 0, stdout: 'ann may no longer use the API\n' });
    t.like(await type('users del ann'), {
      code: 1,
      stderr: 'shardmq: there is no user ann; shardmq users list shows all\n',
    });
    t.like(await type('users del admin'), { code: 1, stderr: 'shardmq: admin cannot be removed\n' });
    t.like(await type('users add bob'), {
      code: 2,
      stderr: `shardmq: ${NO_PASSWORD}; --new-password-file FILE may have it\n`,
    });
  }),
);
