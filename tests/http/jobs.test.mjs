// Jobs over HTTP: from a spec to a result, side by side, listed, cancelled, deleted.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { brief, diverging, endless, makeData, Server } from './harness.mjs';

let server;
before(async () => { server = await Server.start({ data: makeData(), args: ['--workers', '2'] }); });
after(async () => { assert.deepEqual(await server.stop(), { code: 0, signal: null }); });

const cancel = (id) => server.post(`/v1/jobs/${id}/cancel`);

test('a job is trained to its end', async () => {
  const answer = await server.post('/v1/jobs', { ...brief, name: 'Übung 1', tags: ['table-1'] });
  assert.equal(answer.status, 202);
  assert.equal(answer.headers.location, `/v1/jobs/${answer.json.id}`);
  assert.equal(answer.headers['cache-control'], 'no-store');
  assert.equal(answer.headers['x-content-type-options'], 'nosniff');
  assert.equal(answer.json.state, 'queued');
  assert.equal(answer.json.name, 'Übung 1');
  assert.deepEqual(answer.json.spec, {
    dataset: 'fashion-mnist', train_size: 500, validation_size: 100, normalize: 'mean', pca: { components: 0, variance: 0 }, depth: 2, hidden: [8],
    activation: 'relu', batch_norm: true, scale_shift: false, dropout: 0, eta: 0.02, lambda: 0, epochs: 3, batch_size: 10,
    optimizer: 'sgd', momentum: 0.9, nesterov: false, warm_up: 0, decay: { kind: 'step', every: 10, factor: 0.95 },
    init: { kind: 'he' }, shuffle: true, augment: { flip: false, shift: 0 }, seed: 1, early_stopping: { patience: 0 }, precision: 'fp32', threads: 0, name: 'Übung 1', tags: ['table-1'],
  });
  const job = await server.untilState(answer.json.id, 'succeeded');
  assert.ok(job.result.accuracy_test > 0.9 && job.result.accuracy_test <= 1);
  assert.ok(job.result.cost_test > 0);
  assert.equal(job.error, null);
  assert.deepEqual(job.transitions.map(({ state }) => state), ['queued', 'running', 'succeeded']);
  assert.ok(job.created_at <= job.started_at && job.started_at <= job.finished_at);
  const { images_per_second: rate, ...progress } = job.progress;
  assert.deepEqual(progress, { epoch: 3, epochs: 3, step: 150, steps: 150, fraction: 1, remaining_seconds: 0 });
  assert.ok(rate > 0);
  const history = await server.history(job.id);
  assert.deepEqual(history.epoch, [1, 2, 3]);
  for (const column of ['eta', 'cost_train', 'cost_validation', 'accuracy_train', 'accuracy_validation', 'seconds']) {
    assert.equal(history[column].length, 3, column);
    assert.ok(history[column].every((value) => typeof value === 'number'), column);
  }
  assert.ok(history.cost_train[2] < history.cost_train[0]);
  assert.equal(history.accuracy_test, job.result.accuracy_test);
  assert.equal(job.result.best_epoch, 3);
  const { json: { classes, images, accuracy, confusion } } = await server.get(job.links.confusion);
  const sum = (list) => list.reduce((total, count) => total + count, 0);
  assert.equal(classes[9], 'Ankle boot');
  assert.deepEqual(confusion.map(sum), images);
  assert.deepEqual(confusion.map((row, label) => (images[label] ? row[label] / images[label] : null)), accuracy);
  assert.ok(Math.abs(sum(confusion.map((row, label) => row[label])) / sum(images) - job.result.accuracy_test) < 1e-12);
  assert.equal(job.latest.cost.train, history.cost_train[2]);
  assert.deepEqual((await server.history(job.id, 2)).epoch, [3]);
  assert.deepEqual((await server.history(job.id, 3)).epoch, []);
});

test('equal specs give equal numbers, whatever they are called and whatever runs beside them', async () => {
  const jobs = await Promise.all([1, 2, 3, 4].map((i) => server.create({ ...brief, seed: 7, name: `copy ${i}` })));
  const other = await server.create({ ...brief, seed: 8 });
  const histories = [];
  const models = [];
  for (const { id } of jobs) {
    models.push((await server.untilState(id, 'succeeded')).result.model_sha256);
    const { id: own, seconds, ...numbers } = await server.history(id);
    histories.push(numbers);
  }
  assert.deepEqual(models, Array(4).fill(models[0]));
  for (const history of histories) assert.deepEqual(history, histories[0]);
  assert.equal(new Set(jobs.map((job) => job.spec_digest)).size, 1);
  assert.notEqual(other.spec_digest, jobs[0].spec_digest);
  assert.notEqual((await server.untilState(other.id, 'succeeded')).result.model_sha256, models[0]);
  assert.notDeepEqual((await server.history(other.id)).cost_train, histories[0].cost_train);
});

test('without validation images their columns are null', async () => {
  const { id } = await server.create({ ...brief, validation_size: 0 });
  const job = await server.untilState(id, 'succeeded');
  assert.equal(job.latest.cost.validation, null);
  assert.deepEqual((await server.history(id)).accuracy_validation, [null, null, null]);
});

test('two jobs run at once, the rest wait, and progress only grows', async () => {
  const jobs = [];
  for (let i = 0; i < 4; i++) jobs.push(await server.create(endless));
  const first = await server.until(jobs[0].id, (job) => job.latest !== null && job.progress.fraction > 0);
  await server.untilState(jobs[1].id, 'running');
  assert.equal((await server.job(jobs[2].id)).state, 'queued');
  const later = await server.until(jobs[0].id, (job) => job.progress.step > first.progress.step);
  assert.ok(later.progress.fraction >= first.progress.fraction && later.progress.fraction < 1);
  assert.ok(later.progress.remaining_seconds > 0 && later.progress.images_per_second > 0);
  const waits = await Promise.all(jobs.map(async ({ id }) => (await server.job(id)).progress.remaining_seconds));
  assert.ok(waits[2] > waits[0] && waits[3] > waits[1], `${waits}`);
  const system = (await server.get('/v1/system')).json;
  assert.deepEqual(system.workers, { count: 2, busy: 2 });
  assert.equal(system.jobs.queued, 2);
  assert.equal(system.queue.length, 2);
  assert.ok(system.memory.jobs_bytes > 0);

  const conflict = await server.request('DELETE', `/v1/jobs/${jobs[0].id}`);
  assert.equal(conflict.status, 409);
  assert.match(conflict.json.detail, /cancel it first/);
  const queued = await cancel(jobs[3].id);
  assert.equal(queued.json.state, 'cancelled');
  const running = await cancel(jobs[0].id);
  assert.equal(running.status, 200);
  assert.ok(running.json.cancel_requested);
  await server.untilState(jobs[0].id, 'cancelled');
  await server.untilState(jobs[2].id, 'running');
  assert.equal((await cancel(jobs[0].id)).status, 200);
  assert.ok((await server.history(jobs[0].id)).epoch.length > 0);
  for (const { id } of jobs) await cancel(id);
  for (const { id } of jobs) await server.untilState(id, 'cancelled');
});

test('a job that has ended cannot be cancelled, but deleted', async () => {
  const { id } = await server.create(brief);
  await server.untilState(id, 'succeeded');
  const conflict = await cancel(id);
  assert.equal(conflict.status, 409);
  assert.equal(conflict.json.type, 'urn:epochd:problem:wrong_state');
  assert.equal((await server.request('DELETE', `/v1/jobs/${id}`)).status, 204);
  for (const [method, path] of [['GET', ''], ['GET', '/history'], ['GET', '/confusion'], ['POST', '/cancel'], ['DELETE', '']]) {
    const answer = await server.request(method, `/v1/jobs/${id}${path}`);
    assert.equal(answer.status, 404);
    assert.equal(answer.json.type, 'urn:epochd:problem:not_found');
  }
});

test('training ends early when patience is lost, with the best network', async () => {
  const spec = { ...brief, epochs: 200, eta: 0.5, early_stopping: { patience: 3 } };
  const job = await server.untilState((await server.create(spec)).id, 'succeeded');
  assert.ok(job.progress.epoch < 200 && job.progress.step === 50 * job.progress.epoch, JSON.stringify(job.progress));
  assert.equal(job.progress.fraction, 1);
  assert.equal(job.progress.remaining_seconds, 0);
  assert.equal(job.result.best_epoch, job.progress.epoch - 3);
  const { cost_validation: costs } = await server.history(job.id);
  assert.equal(costs.indexOf(Math.min(...costs)) + 1, job.result.best_epoch);
  const until = await server.untilState((await server.create({ ...spec, epochs: job.result.best_epoch })).id, 'succeeded');
  assert.equal(until.result.model_sha256, job.result.model_sha256);
});

test('a network can be trained with bfloat16 where the processor has it', async (context) => {
  const { precisions } = (await server.get('/v1/system')).json;
  const spec = { ...brief, epochs: 5 };
  const answer = await server.post('/v1/jobs', { ...spec, precision: 'bf16' });
  if (!precisions.includes('bf16')) {
    assert.equal(answer.status, 422);
    assert.match(answer.json.errors[0].detail, /AVX512_BF16/);
    context.skip('this processor lacks AVX512_BF16');
    return;
  }
  const half = await server.untilState(answer.json.id, 'succeeded');
  const full = await server.untilState((await server.create(spec)).id, 'succeeded');
  assert.notEqual(half.result.model_sha256, full.result.model_sha256);
  assert.ok(Math.abs(half.result.cost_test - full.result.cost_test) < 0.05 * full.result.cost_test);
});

test('a network can be trained on principal axes', async () => {
  const spec = { ...brief, epochs: 5, pca: { components: 20 } };
  const jobs = [];
  for (const pca of [{ components: 20 }, { components: 20 }, { variance: 0.9 }]) {
    jobs.push(await server.untilState((await server.create({ ...spec, pca })).id, 'succeeded'));
  }
  assert.equal(jobs[0].result.pca.components, 20);
  assert.ok(jobs[0].result.pca.variance > 0 && jobs[0].result.pca.variance < 1);
  assert.ok(jobs[0].result.accuracy_test > 0.8, `${jobs[0].result.accuracy_test}`);
  assert.equal(jobs[0].result.model_sha256, jobs[1].result.model_sha256);
  assert.ok(jobs[2].result.pca.variance >= 0.9 && jobs[2].result.pca.components < 784);
  const whole = await server.untilState((await server.create({ ...spec, pca: { components: 784 } })).id, 'succeeded');
  assert.equal(whole.result.pca.variance, 1);
});

test('a job that did not succeed has no confusion matrix', async () => {
  const { id } = await server.create(diverging);
  await server.untilState(id, 'failed');
  const answer = await server.get(`/v1/jobs/${id}/confusion`);
  assert.equal(answer.status, 409);
  assert.equal(answer.json.type, 'urn:epochd:problem:wrong_state');
});

test('a job that diverges ends as failed with the epoch, and others go on', async () => {
  const sound = await server.create({ ...brief, epochs: 200 });
  const { id } = await server.create(diverging);
  const job = await server.untilState(id, 'failed');
  assert.equal(job.error.type, 'urn:epochd:problem:diverged');
  assert.ok(job.error.epoch >= 1 && job.error.epoch <= 50);
  assert.match(job.error.detail, /eta/);
  assert.equal(job.result, null);
  await server.untilState(sound.id, 'succeeded');
});

test('lists have filters and pages', async () => {
  const created = [];
  for (let i = 0; i < 25; i++) created.push((await server.create({ ...brief, epochs: 1, tags: ['page', `n${i % 2}`] })).id);
  for (const id of created) await server.untilState(id, 'succeeded');
  const seen = [];
  let cursor = '';
  do {
    const page = (await server.get(`/v1/jobs?tag=page&limit=7${cursor && `&cursor=${cursor}`}`)).json;
    assert.ok(page.data.length <= 7);
    seen.push(...page.data.map(({ id }) => id));
    cursor = page.next_cursor;
  } while (cursor);
  assert.deepEqual(seen, created.reverse());
  const count = async (query) => (await server.get(`/v1/jobs?limit=200&${query}`)).json.data.length;
  assert.equal(await count('tag=n1'), 12);
  assert.equal(await count('tag=n1&state=failed'), 0);
  assert.equal(await count('tag=page&state=succeeded,failed'), 25);
  assert.equal(await count('tag=page&state=succeeded&state=failed'), 25);
  assert.equal(await count('tag=page&dataset=cifar-10'), 0);
});

test('a page goes on where it ended when its last job is deleted', async () => {
  const page = (await server.get('/v1/jobs?tag=page&limit=3')).json;
  const next = (await server.get(`/v1/jobs?tag=page&limit=3&cursor=${page.next_cursor}`)).json;
  await server.request('DELETE', `/v1/jobs/${page.data[2].id}`);
  assert.deepEqual((await server.get(`/v1/jobs?tag=page&limit=3&cursor=${page.next_cursor}`)).json.data.map(({ id }) => id),
    next.data.map(({ id }) => id));
});

test('a dry run says what a job would take and creates nothing', async () => {
  const before = (await server.get('/v1/jobs?limit=200')).json.data.length;
  const answer = await server.post('/v1/jobs?dry_run=true', { dataset: 'fashion-mnist', depth: 3, epochs: 2, batch_norm: false });
  assert.equal(answer.status, 200);
  assert.equal(answer.json.parameters, 784 * 50 + 50 + 50 * 30 + 30 + 30 * 10 + 10);
  assert.equal(answer.json.steps, 2 * 540);
  assert.deepEqual(answer.json.spec.hidden, [50, 30]);
  assert.ok(answer.json.memory_bytes > 70000 * 784 && answer.json.flops > 1e9 && answer.json.estimated_seconds > 0);
  assert.equal((await server.get('/v1/jobs?limit=200')).json.data.length, before);
});

test('numbers of a spec come back as they were sent', async () => {
  for (const eta of [0.1, 2.0309e-8, 0.30000000000000004, 1e-300, 0.012345678901234567]) {
    const answer = await server.post('/v1/jobs?dry_run=true', { ...brief, eta, lambda: eta });
    assert.equal(answer.json.spec.eta, eta);
    assert.equal(answer.json.spec.lambda, eta);
  }
  assert.match((await server.post('/v1/jobs?dry_run=true', { ...brief, eta: 0.1 })).text, /"eta":0\.1,/);
});

test('clients that do everything at once get sound answers', async () => {
  const mine = [];
  const expected = { cancel: [200, 404, 409], delete: [204, 404, 409], job: [200, 404], history: [200, 404] };
  const client = async (number) => {
    for (let i = 0; i < 15; i++) {
      const { id } = await server.create({ ...(i % 5 === 0 ? endless : brief), seed: number, tags: ['crowd'] });
      mine.push(id);
      const any = mine[(i * 7 + number * 3) % mine.length];
      const [list, job, history, cancelled, deleted] = await Promise.all([
        server.get('/v1/jobs?tag=crowd&limit=5'), server.get(`/v1/jobs/${any}`), server.get(`/v1/jobs/${any}/history`),
        i % 5 === 0 ? cancel(id) : undefined, i % 3 === 2 ? server.request('DELETE', `/v1/jobs/${any}`) : undefined,
      ]);
      assert.equal(list.status, 200);
      assert.ok(expected.job.includes(job.status), job.text);
      assert.ok(expected.history.includes(history.status), history.text);
      assert.ok(!cancelled || expected.cancel.includes(cancelled.status), cancelled?.text);
      assert.ok(!deleted || expected.delete.includes(deleted.status), deleted?.text);
    }
  };
  await Promise.all([1, 2, 3, 4, 5, 6].map(client));
  for (const id of mine) {
    if ((await server.get(`/v1/jobs/${id}`)).status === 404) continue;
    const { state, result, error } = await server.untilState(id, 'succeeded', 'cancelled');
    assert.equal(result !== null, state === 'succeeded');
    assert.equal(error, null);
  }
  const { data } = (await server.get('/v1/jobs?tag=crowd&limit=200')).json;
  assert.equal(new Set(data.map(({ id }) => id)).size, data.length);
  assert.ok(data.length > 45 && data.length <= 90, `${data.length}`);
  assert.equal((await server.get('/v1/system')).json.workers.busy, 0);
});
