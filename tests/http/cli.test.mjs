// The program's commands, options, environment and exit codes.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { brief, diverging, endless, makeData, makeFolder, run, Server } from './harness.mjs';

let data;
before(() => { data = makeData(); });

test('help and version', async () => {
  for (const args of [['--help'], ['help'], ['serve', '--help'], ['help', 'serve'], ['help', 'train'], ['help', 'health'], ['train', '--help']]) {
    const { code, stdout, stderr } = await run(args);
    assert.equal(code, 0, args.join(' '));
    assert.match(stdout, /epochd/);
    assert.equal(stderr, '');
  }
  const { stdout } = await run(['help', 'serve']);
  for (const word of ['--listen', '--state', '--data', '--workers', 'EPOCHD_LISTEN', 'EPOCHD_STATE', 'EPOCHD_DATA', 'EPOCHD_WORKERS']) {
    assert.ok(stdout.includes(word), word);
  }
  assert.match((await run(['--help'])).stdout, /[Ee]xit/);
  assert.equal((await run(['--version'])).stdout, `epochd ${process.env.EPOCHD_VERSION}\n`);
});

test('wrong usage is exit code 2, and says what is wrong', async () => {
  for (const [args, part] of [
    [[], /serve/], [['nothing'], /nothing/], [['serve', '--nothing'], /nothing/], [['serve', '--workers'], /workers/],
    [['serve', '--workers', '0'], /workers/], [['serve', '--workers', 'x'], /workers/], [['serve', '--workers', '99999999'], /workers/],
    [['serve', '--listen', 'x'], /listen/], [['serve', '--listen', '127.0.0.1:99999'], /listen|port/],
    [['serve', '--listen', '0.0.0.0:0'], /loopback/], [['serve', 'extra'], /extra/], [['train'], /SPEC/], [['train', 'a', 'b'], /b/],
  ]) {
    const { code, stdout, stderr } = await run(args);
    assert.equal(code, 2, `${args.join(' ')}: ${stderr}`);
    assert.match(stderr, part);
    assert.equal(stdout, '');
  }
  assert.equal((await run(['serve'], { env: { EPOCHD_WORKERS: 'many' } })).code, 2);
});

test('a server that cannot start is exit code 1', async () => {
  const server = await Server.start();
  const taken = await run(['serve', '--listen', `127.0.0.1:${server.port}`, '--state', makeFolder()]);
  assert.equal(taken.code, 1);
  assert.match(taken.stderr, new RegExp(String(server.port)));
  await server.stop();
  const file = join(makeFolder(), 'file');
  writeFileSync(file, '');
  assert.equal((await run(['serve', '--listen', '127.0.0.1:0', '--state', file])).code, 1);
  const damaged = makeFolder();
  writeFileSync(join(damaged, 'epochd.db'), 'this is not a database, and it has more than a few bytes');
  const { code, stderr } = await run(['serve', '--listen', '127.0.0.1:0', '--state', damaged]);
  assert.equal(code, 1);
  assert.match(stderr, /epochd\.db/);
});

test('settings come from the environment, and flags win', async () => {
  const env = { EPOCHD_LISTEN: '127.0.0.1:0', EPOCHD_DATA: data, EPOCHD_WORKERS: '3', EPOCHD_STATE: makeFolder() };
  const server = await Server.start({ state: env.EPOCHD_STATE, env });
  assert.equal((await server.get('/v1/system')).json.workers.count, 3);
  assert.equal((await server.get('/v1/datasets/fashion-mnist')).json.folder, join(data, 'fashion-mnist'));
  await server.stop();
  const other = await Server.start({ env, args: ['--workers', '2'], data: makeFolder() });
  assert.equal((await other.get('/v1/system')).json.workers.count, 2);
  assert.notEqual((await other.get('/v1/datasets/fashion-mnist')).json.folder, join(data, 'fashion-mnist'));
  await other.stop();
});

test('health asks a server', async () => {
  const server = await Server.start();
  const listen = `127.0.0.1:${server.port}`;
  assert.equal((await run(['health', '--listen', listen])).code, 0);
  assert.equal((await run(['health'], { env: { EPOCHD_LISTEN: listen } })).code, 0);
  await server.stop();
  assert.equal((await run(['health', '--listen', listen])).code, 1);
});

test('train runs a spec without a server', async () => {
  const file = join(makeFolder(), 'spec.json');
  writeFileSync(file, JSON.stringify({ ...brief, name: 'alone' }));
  const first = await run(['train', file, '--data', data]);
  assert.equal(first.code, 0, first.stderr);
  const result = JSON.parse(first.stdout);
  assert.equal(result.state, 'succeeded');
  assert.equal(result.spec.name, 'alone');
  assert.equal(result.history.epoch.length, 3);
  assert.ok(result.result.accuracy_test > 0.5);
  assert.match(first.stderr, /epoch/);
  const second = await run(['train', '-'], { input: JSON.stringify(brief), env: { EPOCHD_DATA: data } });
  assert.equal(second.code, 0);
  assert.deepEqual(JSON.parse(second.stdout).history.cost_train, result.history.cost_train);

  const server = await Server.start({ data });
  const { id } = await server.create(brief);
  await server.untilState(id, 'succeeded');
  assert.deepEqual((await server.history(id)).cost_train, result.history.cost_train);
  const job = await server.job(id);
  assert.equal(job.spec_digest, result.spec_digest);
  assert.equal(job.result.model_sha256, result.result.model_sha256);
  await server.stop();
});

test('what computes the matrix products can be chosen', async () => {
  const server = await Server.start({ data, args: ['--gemm', 'openblas'] });
  assert.match((await server.get('/v1/system')).json.gemm, /^OpenBLAS/);
  assert.match(server.stderr, /matrix products by OpenBLAS/);
  await server.stop();
  const results = [];
  for (const gemm of ['auto', 'openblas']) {
    const { code, stdout, stderr } = await run(['train', '-', '--gemm', gemm], { input: JSON.stringify(brief), env: { EPOCHD_DATA: data } });
    assert.equal(code, 0, stderr);
    results.push(JSON.parse(stdout).history.cost_train[2]);
  }
  assert.ok(Math.abs(results[0] - results[1]) < 1e-3 * results[1], `${results}`);
  const models = [];
  for (const gemm of ['auto', 'avx512', 'avx2']) {
    const { code, stdout } = await run(['train', '-', '--gemm', gemm], { input: JSON.stringify(brief), env: { EPOCHD_DATA: data } });
    if (code === 0) models.push(JSON.parse(stdout).result.model_sha256);
  }
  assert.equal(new Set(models).size, 1, `the kernels differ: ${models}`);
  const portable = await Server.start({ data, args: ['--numerics', 'portable'] });
  assert.match((await portable.get('/v1/system')).json.gemm, /kernels/);
  assert.equal((await portable.get('/v1/system')).json.numerics, 'portable');
  await portable.stop();
  const mixed = await run(['train', '-', '--numerics', 'portable', '--gemm', 'openblas'], { input: '{}', env: { EPOCHD_DATA: data } });
  assert.equal(mixed.code, 1);
  assert.match(mixed.stderr, /portable numerics need the engine's own kernels/);
  for (const [args, reason] of [[['--gemm', 'openblas'], /AVX512_BF16/], [['--numerics', 'portable'], /portable/]]) {
    const { code, stderr } = await run(['train', '-', ...args], { input: JSON.stringify({ ...brief, precision: 'bf16' }), env: { EPOCHD_DATA: data } });
    assert.equal(code, 2);
    assert.match(stderr, reason);
  }
  const wrong = await run(['serve'], { env: { EPOCHD_GEMM: 'abacus' } });
  assert.equal(wrong.code, 2);
  assert.match(wrong.stderr, /auto, avx512, avx2, libxsmm or openblas/);
  const unknown = await run(['serve', '--numerics', 'sloppy']);
  assert.equal(unknown.code, 2);
  assert.match(unknown.stderr, /fast or portable/);
});

test('train tells all faults of a spec, exit code 2', async () => {
  const { code, stdout, stderr } = await run(['train', '-', '--data', data], { input: '{"epochs": 0, "etta": 1, "depth": 2}' });
  assert.equal(code, 2);
  assert.equal(stdout, '');
  for (const pointer of ['/epochs', '/etta', '/dataset']) assert.ok(stderr.includes(pointer), stderr);
  assert.equal((await run(['train', '-'], { input: 'not json' })).code, 2);
  assert.equal((await run(['train', join(makeFolder(), 'missing.json')])).code, 2);
});

test('train that diverges is exit code 3', async () => {
  const { code, stdout, stderr } = await run(['train', '-', '--data', data], { input: JSON.stringify(diverging) });
  assert.equal(code, 3);
  assert.match(stderr, /epoch/);
  const result = JSON.parse(stdout);
  assert.equal(result.state, 'failed');
  assert.equal(result.error.type, 'urn:epochd:problem:diverged');
});

test('train that is interrupted still prints what it has', async () => {
  for (const [signal, expected] of [['SIGINT', 130], ['SIGTERM', 143]]) {
    const { code, stdout } = await run(['train', '-', '--data', data],
      { input: JSON.stringify(endless), signalAfter: { text: 'epoch', signal } });
    assert.equal(code, expected);
    const result = JSON.parse(stdout);
    assert.equal(result.state, 'cancelled');
    assert.equal(result.history.epoch.length, result.progress.epoch);
  }
});
