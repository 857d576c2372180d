/** What goes wrong between a command and a broker, and what the user is told. */
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import test from 'ava';
import { withApi } from '../helpers/api.js';
import { CERTS } from '../helpers/certs.js';
import { accessTo, says, stubApi, typing } from './remote.js';
import { CliProcess, runCli, temporaryDir } from './run-cli.js';

const NODES = says([{ name: 'n@h' }]);

test('no broker: where it looked, how to name another, and exit code 6', async (t) => {
  const nobody = {
    code: 6,
    stdout: '',
    stderr:
      'shardmq: no broker answers at http://127.0.0.1:1: is it running, and has it a listener.api? --url URL names another address\n',
  };
  t.deepEqual(await typing(1)('clients'), nobody);
  t.deepEqual(await typing(1)('status'), nobody);
  // Nobody is asked for a password then.
  t.deepEqual(await typing(1)('clients', { SHARDMQ_API_PASSWORD: '' }), nobody);
  const far = await runCli('clients', '--url', 'http://nowhere.invalid:1');
  t.is(far.code, 6);
  t.regex(far.stderr, /nowhere\.invalid.*--url URL names another address/);
});

test(
  'a wrong password, none, an unknown user and an unknown node',
  withApi({}, async (_ask, broker, t) => {
    const type = typing(broker.apiPort);
    const where = `http://127.0.0.1:${broker.apiPort}`;
    t.deepEqual(await type('clients', { SHARDMQ_API_PASSWORD: 'wrong' }), {
      code: 7,
      stdout: '',
      stderr: `shardmq: ${where} does not let admin in: wrong password, or no such user; --user NAME is another one\n`,
    });
    t.is((await type('clients --user ann')).code, 7);
    t.deepEqual(await type('clients', { SHARDMQ_API_PASSWORD: '' }), {
      code: 7,
      stdout: '',
      stderr:
        'shardmq: the broker wants the password of admin: SHARDMQ_API_PASSWORD or --password-file FILE has it\n',
    });
    t.deepEqual(await type('clients --node other@host'), {
      code: 1,
      stdout: '',
      stderr: 'shardmq: there is no node other@host, or it does not answer; shardmq status says the name\n',
    });
    t.is((await type(`clients --node shardmq@127.0.0.1 --url ${where}/api/v2/`)).code, 0);
  }),
);

test(
  'a certificate that nobody has signed is not trusted, unless it is said which is, or that any will do',
  withApi(
    {
      config: {
        'listener.api.mgmt.certfile': CERTS.serverEcdsa.certfile,
        'listener.api.mgmt.keyfile': CERTS.serverEcdsa.keyfile,
      },
    },
    async (_ask, broker, t) => {
      const type = typing(broker.apiPort);
      const url = `https://localhost:${broker.apiPort}`;
      const { code, stderr } = await type(`users --url ${url}`);
      t.is(code, 6);
      t.regex(
        stderr,
        /^shardmq: the certificate of https:.* NODE_EXTRA_CA_CERTS=FILE names .*, --insecure takes any\n$/,
      );
      t.is((await type(`users --url ${url} --insecure`)).stdout, 'admin\tadministrator\n');
      t.is((await type(`users --url ${url}`, { NODE_EXTRA_CA_CERTS: CERTS.ca })).code, 0);
    },
  ),
);

test('something else answers: that is said, and no broker’s data directory is touched', async (t) => {
  const page = await stubApi(t, () => ({ text: '<html>' }));
  const type = typing(page.port);
  const other = `shardmq: http://127.0.0.1:${page.port} answers, but is not the API of shardmq; --url URL names another address\n`;
  t.deepEqual(await type('clients'), { code: 6, stdout: '', stderr: other });
  t.deepEqual(await type('status', { SHARDMQ_API_PASSWORD: '' }), { code: 6, stdout: '', stderr: other });
  const failing = await stubApi(t, () => ({ status: 503, text: '' }));
  t.like(await typing(failing.port)('clients'), {
    code: 1,
    stderr: `shardmq: http://127.0.0.1:${failing.port} answers with HTTP 503, which is not what shardmq would say\n`,
  });
  const older = await stubApi(t, (what) =>
    what.endsWith('management/nodes') ? NODES : { status: 404, text: '' },
  );
  t.like(await typing(older.port)('stats'), {
    code: 1,
    stderr: `shardmq: http://127.0.0.1:${older.port} does not know GET monitoring/stats/n%40h; is it an older version?\n`,
  });
});

test('a broker that does not answer, one that closes the connection, one without TLS', async (t) => {
  const silent = await stubApi(t, () => undefined);
  t.like(await typing(silent.port)('clients --timeout 0.2'), {
    code: 6,
    stderr: `shardmq: http://127.0.0.1:${silent.port} has not answered in time; --timeout SECONDS waits for longer\n`,
  });
  const closing = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => closing.listen(0, '127.0.0.1', resolve));
  t.teardown(() => closing.close());
  const { port } = closing.address() as { port: number };
  t.regex(
    (await typing(port)('clients')).stderr,
    /has closed the connection instead of answering; is it https:\/\/\?/,
  );
  const { code, stderr } = await typing(silent.port)(`clients --url https://127.0.0.1:${silent.port}`);
  t.is(code, 6);
  t.regex(stderr, /does not speak TLS as it should .*is it http:\/\/\?/);
});

test('what the broker refuses has its words and its code', async (t) => {
  const stub = await stubApi(t, (what) =>
    what.endsWith('management/nodes') ? NODES : { text: '{"code":102,"message":"not \\u001b[2J today"}' },
  );
  t.like(await typing(stub.port)('stats'), {
    code: 1,
    stderr: 'shardmq: the broker refuses: not \\x1b[2J today (code 102)\n',
  });
  const busy = await stubApi(t, () => ({ text: '{"code":101,"message":"nodedown"}' }));
  t.like(await typing(busy.port)('stats'), {
    code: 1,
    stderr: 'shardmq: a part of the broker has not answered in time; its log says more\n',
  });
});

test('options and words that are wrong end with 2, before anything is asked', async (t) => {
  const stub = await stubApi(t, () => NODES);
  const file = join(temporaryDir(t), 'empty');
  writeFileSync(file, '\nsecond line');
  const wrong: [line: string, message: RegExp][] = [
    ['clients show', /^shardmq: it is: clients show ID; try shardmq help$/m],
    ['clients drop x', /clients takes list, show ID or kick ID, not drop;/],
    ['sessions kick x', /sessions takes list, show ID or remove ID, not kick;/],
    ['clients show a b', /it is: clients show ID/],
    ['clients --limit 0', /--limit is a whole number from 1/],
    ['clients show x --limit 1', /--limit is not for clients show ID/],
    ['clients --jsn', /there is no option --jsn; did you mean --json\? try shardmq help/],
    ['clients --json=yes', /--json takes no value/],
    ['clients --url', /--url needs a value/],
    ['clients --url ftp://x', /ftp:\/\/x is no http:/],
    ['clients --url http://a:b@x', /the URL has a user or a password in it/],
    ['clients --user a:b', /a user name has no colon/],
    ['clients --timeout soon', /--timeout is a number of seconds/],
    ['clients --timeout 0', /--timeout is a number of seconds/],
    ['clients --user a --user b', /--user is there twice/],
    ['clients --password x', /there is no option --password, which everybody on the machine could see/],
    [`clients --password-file ${file}`, /has no password in its first line/],
    ['clients --password-file /does/not/exist', /the password cannot be read: ENOENT/],
    ['clients --password-file /dev/zero', /longer than 4096 bytes/],
    ['config set mqtt.x', /it is: config set KEY VALUE/],
    ['trace', /trace takes client ID or topic FILTER/],
    ['trace client x --duration 601', /--duration is a whole number from 1 to 600/],
    ['publish', /it is: publish TOPIC \[MESSAGE\]/],
    ['publish t m --qos 3', /--qos is a whole number from 0 to 2/],
    ['publish t m --file f', /not both/],
  ];
  for (const [line, message] of wrong) {
    const { code, stdout, stderr } = await typing(stub.port)(line);
    t.is(code, 2, line);
    t.is(stdout, '');
    t.regex(stderr, message);
  }
  t.deepEqual(stub.requests, []);
});

test('words that look like options come after --; words keep their slashes, signs and blanks in paths', async (t) => {
  const stub = await stubApi(t, (what) => (what.includes('/clients/') ? says({ objects: [] }) : NODES));
  for (const id of ['--json', 'a/b+c #?%ü', '..', '-']) {
    await typing(stub.port)(['clients', 'show', '--node', 'n@h', '--', id]);
  }
  t.deepEqual(
    stub.requests,
    ['--json', 'a%2Fb%2Bc%20%23%3F%25%C3%BC', '..', '-'].map((id) => `GET /api/v2/nodes/n%40h/clients/${id}`),
  );
});

test('who stops reading ends the command quietly', async (t) => {
  const rows = Array.from({ length: 2_048 }, (_, at) => ({ client_id: `client ${at}` }));
  const stub = await stubApi(t, (what) =>
    what.includes('/clients') ? says({ total_num: 1e9, objects: rows }) : NODES,
  );
  const cli = new CliProcess(['clients'], accessTo(stub.port));
  await cli.says('client 0');
  cli.stopReading();
  t.is((await cli.ended()).code, 0);
  t.is(cli.stderr, '');
});
