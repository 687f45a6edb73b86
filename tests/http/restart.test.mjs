// What is there after the server ended, kindly or not.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { before, test } from 'node:test';
import { brief, diverging, endless, makeData, makeFolder, run, Server, sleep } from './harness.mjs';

let data;
before(() => { data = makeData(); });

const reasons = (job) => job.transitions.map(({ reason }) => reason).join('\n');

// What a client may compare: all but the estimates.
const lasting = ({ progress, ...job }) => ({ ...job, progress: { ...progress, images_per_second: null } });

test('after SIGTERM in the middle of jobs everything is there, and they are run to their end', async () => {
  let server = await Server.start({ data, args: ['--workers', '1'] });
  const { state } = server;
  const done = await server.create({ ...brief, name: 'done', tags: ['a', 'b'], lambda: 2.0309e-8 });
  const failed = await server.create(diverging);
  await server.untilState(done.id, 'succeeded');
  await server.untilState(failed.id, 'failed');
  const long = await server.create({ ...brief, train_size: 5000, epochs: 30 });
  const waiting = await server.create({ ...brief, seed: 5 });
  await server.until(long.id, (job) => job.progress.epoch >= 2);
  const finished = await Promise.all([done, failed].map(({ id }) => server.job(id)));
  const histories = await Promise.all([done, failed].map(({ id }) => server.history(id)));
  const started = Date.now();
  assert.deepEqual(await server.stop('SIGTERM'), { code: 0, signal: null });
  assert.ok(Date.now() - started < 10_000);

  server = await Server.start({ data, state, args: ['--workers', '1'] });
  assert.deepEqual((await server.get('/v1/jobs')).json.data.map(({ id }) => id), [waiting.id, long.id, failed.id, done.id]);
  for (const [i, { id }] of [done, failed].entries()) {
    assert.deepEqual(lasting(await server.job(id)), lasting(finished[i]));
    assert.deepEqual(await server.history(id), histories[i]);
  }
  const again = await server.untilState(long.id, 'succeeded');
  assert.deepEqual(again.spec, long.spec);
  assert.match(reasons(again), /server stopped/);
  assert.equal((await server.history(long.id)).epoch.length, 30);
  await server.untilState(waiting.id, 'succeeded');
  assert.deepEqual(await server.stop('SIGINT'), { code: 0, signal: null });
});

test('a job is there when the server is killed right after its 202', async () => {
  const state = makeFolder();
  for (let round = 0; round < 3; round++) {
    const server = await Server.start({ data, state });
    const job = await server.create(endless);
    await server.stop('SIGKILL');
    const next = await Server.start({ data, state });
    assert.deepEqual((await next.job(job.id)).spec, job.spec);
    await next.post(`/v1/jobs/${job.id}/cancel`);
    await next.untilState(job.id, 'cancelled');
    await next.stop();
  }
});

test('a job that was running when the server was killed runs again and gives the same numbers', async () => {
  const spec = { ...brief, train_size: 5000, epochs: 30 };
  let server = await Server.start({ data });
  const { state } = server;
  const undisturbed = await server.create(spec);
  await server.untilState(undisturbed.id, 'succeeded');
  const job = await server.create(spec);
  await server.until(job.id, ({ progress }) => progress.epoch >= 3);
  await server.stop('SIGKILL');
  server = await Server.start({ data, state });
  const end = await server.untilState(job.id, 'succeeded');
  assert.match(reasons(end), /interrupted/);
  assert.deepEqual(end.transitions.map((transition) => transition.state), ['queued', 'running', 'queued', 'running', 'succeeded']);
  const [a, b] = await Promise.all([undisturbed, job].map(({ id }) => server.history(id)));
  assert.deepEqual(b.cost_train, a.cost_train);
  assert.equal(b.accuracy_test, a.accuracy_test);
  assert.equal(end.result.model_sha256, (await server.job(undisturbed.id)).result.model_sha256);
  await server.stop();
});

test('a running job that was to be cancelled is not run again', async () => {
  let server = await Server.start({ data });
  const { state } = server;
  const { id } = await server.create(endless);
  await server.untilState(id, 'running');
  // The answer says that the wish is on disk; the job may or may not have heard of it by the time of the kill.
  await server.post(`/v1/jobs/${id}/cancel`);
  await server.stop('SIGKILL');
  server = await Server.start({ data, state });
  assert.equal((await server.job(id)).state, 'cancelled');
  await server.stop();
});

for (const signal of ['SIGKILL', 'SIGTERM']) {
  test(`of many jobs posted while the server gets ${signal}, each that was acknowledged is there`, async () => {
    let server = await Server.start({ data });
    const { state } = server;
    const acknowledged = [];
    let stopping = false;
    const client = async (number) => {
      for (let i = 0; !stopping; i++) {
        try {
          acknowledged.push((await server.create({ ...endless, name: `${number}-${i}` })).id);
        } catch (error) {
          if (!stopping) throw error;
        }
      }
    };
    const clients = Promise.all([1, 2, 3, 4, 5, 6].map(client));
    clients.catch(() => { stopping = true; }); // is thrown again below
    while (acknowledged.length < 60 && !stopping) await sleep(5);
    stopping = true;
    const end = await server.stop(signal);
    if (signal === 'SIGTERM') assert.deepEqual(end, { code: 0, signal: null });
    await clients;
    server = await Server.start({ data, state });
    for (const id of acknowledged) assert.equal((await server.get(`/v1/jobs/${id}`)).status, 200, id);
    await server.stop();
  });
}

test('a state folder belongs to one server', async () => {
  const server = await Server.start({ data });
  const second = await run(['serve', '--listen', '127.0.0.1:0', '--state', server.state]);
  assert.equal(second.code, 1);
  assert.match(second.stderr, /another|in use|already/);
  assert.equal((await server.get('/healthz')).status, 200);
  await server.stop();
});

test('jobs that end leave no files behind', async () => {
  const server = await Server.start({ data });
  for (let i = 0; i < 5; i++) await server.untilState((await server.create(brief)).id, 'succeeded');
  await server.stop();
  assert.deepEqual(readdirSync(server.state).filter((name) => !/^epochd\.(db|lock)/.test(name)), []);
});

test('a search goes on where it was when the server is killed, and no trial is lost or run twice', async () => {
  const base = { ...brief, train_size: 5000, epochs: 12 };
  const grid = { eta: { from: 0.001, to: 0.1, count: 6, scale: 'log' }, lambda: [0, 1e-5, 1e-4, 1e-3] };
  const search = { base, grid, halving: { epochs: 2, factor: 2 } };
  const urlOf = ({ id }) => `/v1/searches/${id}`;
  const endOf = async (server, started) => {
    for (;;) {
      const { json } = await server.get(urlOf(started));
      if (json.state !== 'running') return json;
      await sleep(20);
    }
  };
  const trialsOf = async (server, started) =>
    (await server.get(`${urlOf(started)}/trials?sort=created&limit=1000`)).json.data;

  const calm = await Server.start({ data });
  const undisturbed = await calm.post('/v1/searches', search);
  assert.equal(undisturbed.status, 202);
  assert.equal((await endOf(calm, undisturbed.json)).state, 'succeeded');
  const expected = await trialsOf(calm, undisturbed.json);
  await calm.stop();

  let server = await Server.start({ data });
  const { state } = server;
  const started = (await server.post('/v1/searches', search)).json;
  const ids = (await trialsOf(server, started)).map(({ id }) => id);
  assert.equal(ids.length, 24);
  for (let kill = 0; kill < 4; kill++) {
    await sleep(60 + 90 * kill);
    await server.stop('SIGKILL');
    server = await Server.start({ data, state });
  }
  assert.equal((await endOf(server, started)).state, 'succeeded');
  const trials = await trialsOf(server, started);
  assert.deepEqual(trials.map(({ id }) => id), ids);
  const outcome = ({ values, state: end, cut_epoch: cut, objective, accuracy_test: accuracy }) =>
    ({ values, end, cut, objective, accuracy });
  assert.deepEqual(trials.map(outcome), expected.map(outcome));
  for (const { id } of trials) {
    const { transitions } = await server.job(id);
    const ends = transitions.filter((transition) => ['succeeded', 'failed', 'cancelled'].includes(transition.state));
    assert.equal(ends.length, 1, JSON.stringify(transitions));
  }
  await server.stop();
});
