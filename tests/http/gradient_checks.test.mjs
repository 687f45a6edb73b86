// Gradient checks over HTTP: small networks whole, large ones by sample, limits, cancelling.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { makeData, Server, sleep, slow } from './harness.mjs';

let server;
before(async () => { server = await Server.start({ data: makeData() }); });
after(async () => { assert.deepEqual(await server.stop(), { code: 0, signal: null }); });

const brief = { dataset: 'fashion-mnist', train_size: 500, epochs: 1, hidden: [6, 5] };
const large = { ...brief, hidden: [1000, 1000] };

async function untilEnded(id) {
  for (let i = 0; i < 600 * slow; i++) {
    const { json } = await server.get(`/v1/gradient-checks/${id}`);
    if (!['queued', 'running'].includes(json.state)) return json;
    await sleep(50);
  }
  throw new Error(`gradient check ${id} does not end`);
}

async function check(spec, query = '') {
  const answer = await server.post(`/v1/gradient-checks${query}`, spec);
  assert.equal(answer.status, 202, answer.text);
  assert.equal(answer.headers.location, answer.json.links.self);
  return untilEnded(answer.json.id);
}

const settings = [
  { batch_norm: true, lambda: 1e-3 },
  { batch_norm: true, scale_shift: true, activation: 'tanh' },
  { batch_norm: false, activation: 'leaky_relu', lambda: 1e-3 },
  { batch_norm: false, activation: 'tanh', dropout: 0.3, optimizer: 'adam' },
];
for (const setting of settings) {
  test(`the gradient is right: ${JSON.stringify(setting)}`, async () => {
    const result = await check({ ...brief, ...setting }, '?samples=200');
    assert.equal(result.state, 'finished', JSON.stringify(result.error));
    assert.equal(result.passed, true, JSON.stringify(result.parts));
    assert.ok(result.seconds > 0 && result.finished_at >= result.created_at);
    assert.deepEqual(result.progress, { done: result.progress.planned, planned: result.progress.planned });
    const hidden = setting.batch_norm ? (setting.scale_shift ? ['weight', 'scale', 'shift'] : ['weight']) : ['weight', 'bias'];
    const kinds = [hidden, hidden, ['weight', 'bias']].flatMap((list, i) => list.map((kind) => `${i + 1} ${kind}`));
    assert.deepEqual(result.parts.map(({ layer, kind }) => `${layer} ${kind}`), kinds);
    for (const part of result.parts) {
      assert.equal(part.checked + part.kinked, Math.min(part.parameters, 200));
      assert.ok(part.checked === 0 || (part.largest_relative_error <= result.tolerance && part.mean_relative_error <= part.largest_relative_error));
      assert.ok(part.checked === 0 || part.largest_at < part.parameters);
    }
    assert.equal(result.parts.reduce((sum, { parameters }) => sum + parameters, 0), result.parameters);
  });
}

test('a small network is checked whole, a large one by sample', async () => {
  const whole = await check({ ...brief, hidden: [3], train_size: 7, validation_size: 0 });
  assert.equal(whole.images, 7);
  assert.equal(whole.progress.planned, whole.parameters);
  const sampled = (await server.post('/v1/gradient-checks', large)).json;
  assert.equal(sampled.images, 20);
  assert.ok(sampled.progress.planned < sampled.parameters);
  await server.request('DELETE', sampled.links.self);
  await untilEnded(sampled.id).catch(() => {});
});

test('what is wrong is refused as it is for jobs', async () => {
  const cases = [
    ['', { ...brief, epochs: 0 }, 422, 'invalid_spec'],
    ['', { ...brief, pca: { components: 5 } }, 422, 'invalid_spec'],
    ['', { ...brief, hidden: [5000, 5000] }, 422, 'invalid_spec'],
    ['', 'no spec', 400, 'not_json'],
    ['?samples=0', brief, 400, 'invalid_query'],
    ['?samples=many', brief, 400, 'invalid_query'],
    ['?sample=5', brief, 400, 'invalid_query'],
  ];
  for (const [query, spec, status, code] of cases) {
    const answer = await server.post(`/v1/gradient-checks${query}`, spec);
    assert.equal(answer.status, status, answer.text);
    assert.equal(answer.json.type, `urn:epochd:problem:${code}`);
  }
  for (const method of ['GET', 'DELETE']) {
    assert.equal((await server.request(method, '/v1/gradient-checks/01a208b8-ebe6-7000-9340-35311f583937')).status, 404);
  }
});

test('checks wait, are cancelled, are removed, and are refused when too many wait', async () => {
  const checks = [];
  let refused;
  for (let i = 0; i < 30 && !refused; i++) {
    const answer = await server.post('/v1/gradient-checks', large);
    if (answer.status === 202) checks.push(answer.json);
    else refused = answer;
  }
  assert.equal(refused.status, 503);
  assert.equal(refused.json.type, 'urn:epochd:problem:queue_full');
  assert.ok(Number(refused.headers['retry-after']) > 0);
  assert.ok(checks.length >= 16, `${checks.length}`);
  const states = async () => (await server.get('/v1/gradient-checks')).json.data.map(({ id, state }) => [id, state]);
  assert.deepEqual((await states()).slice(0, checks.length).map(([id]) => id), checks.map(({ id }) => id).reverse());
  for (const { links } of checks) assert.equal((await server.request('DELETE', links.self)).status, 204);
  for (const { id } of checks) await untilEnded(id).catch(() => {});
  for (const [id, state] of await states()) assert.ok(state !== 'queued' && state !== 'running', `${id} ${state}`);
  // Those that waited are gone; one that ran stays until it is deleted again.
  for (const [id] of await states()) await server.request('DELETE', `/v1/gradient-checks/${id}`);
  assert.deepEqual(await states(), []);
  assert.equal((await check({ ...brief, hidden: [3] }, '?samples=5')).passed, true);
});
