// Searches over HTTP: grids, draws and stages, their trials, what steers them, and what is refused.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { brief, diverging, endless, makeData, Server, sleep, slow } from './harness.mjs';

let server;
before(async () => { server = await Server.start({ data: makeData(), args: ['--workers', '2'] }); });
after(async () => { assert.deepEqual(await server.stop(), { code: 0, signal: null }); });

const grid = { eta: [0.001, 0.01, 0.1], hidden: [[8], [6]] };
const small = { base: brief, grid };
const absent = '/v1/searches/01a208b8-ebe6-7000-9340-35311f583938';

const urlOf = ({ id }) => `/v1/searches/${id}`;
const steer = (search, what) => server.post(`${urlOf(search)}/${what}`);
const trialsOf = async (search, query = '') => (await server.get(`${urlOf(search)}/trials?limit=1000&${query}`)).json.data;

async function create(definition) {
  const answer = await server.post('/v1/searches', definition);
  assert.equal(answer.status, 202, answer.text);
  return answer.json;
}

// Waits until `reached` is true of the search; gives the search.
async function until(search, reached) {
  const end = Date.now() + 30_000 * slow;
  for (;;) {
    const { json } = await server.get(urlOf(search));
    if (reached(json)) return json;
    if (Date.now() > end) throw new Error(`waited too long: ${JSON.stringify(json)}`);
    await sleep(10);
  }
}

const untilState = (search, ...states) => until(search, ({ state }) => states.includes(state));

async function faultsOf(definition, path = '/v1/searches') {
  const answer = await server.post(path, definition);
  assert.equal(answer.status, 422, answer.text);
  assert.equal(answer.json.type, 'urn:epochd:problem:invalid_spec');
  return answer.json.errors;
}

async function finish(definition) { return untilState(await create(definition), 'succeeded'); }

async function drop(search) {
  assert.equal((await steer(search, 'cancel')).status, 200);
  await untilState(search, 'cancelled');
}

test('a grid is searched to its end', async () => {
  const answer = await server.post('/v1/searches', { ...small, name: 'Übung 2' });
  assert.equal(answer.status, 202);
  assert.equal(answer.headers.location, urlOf(answer.json));
  assert.equal(answer.json.state, 'running');
  assert.equal(answer.json.name, 'Übung 2');
  assert.equal(answer.json.trials.planned, 6);
  const { definition } = answer.json;
  assert.deepEqual(definition.grid, grid);
  assert.equal(definition.base.epochs, 3);
  assert.equal(definition.base.momentum, 0.9);
  assert.equal(definition.base.eta, undefined);
  assert.deepEqual(definition.objective, { metric: 'accuracy_validation', goal: 'maximize', epoch: 'last' });
  const search = await untilState(answer.json, 'succeeded');
  assert.deepEqual(search.trials, { planned: 6, made: 6, queued: 0, running: 0, succeeded: 6, failed: 0, cancelled: 0, cut: 0 });
  assert.equal(search.progress.fraction, 1);
  assert.ok(search.finished_at >= search.created_at && search.seconds > 0);
  assert.deepEqual(search.stages, [{ trials: 6, made: 6, ended: 6, best: search.best.id, objective: search.best.objective }]);
  assert.equal(search.plan.banks.reduce((sum, { trials }) => sum + trials, 0), 6);

  const trials = await trialsOf(search);
  assert.equal(trials.length, 6);
  assert.deepEqual(trials[0], search.best);
  assert.deepEqual(trials.map(({ rank }) => rank), [1, 2, 3, 4, 5, 6]);
  const key = ({ values: { eta, hidden } }) => `${eta} ${hidden}`;
  assert.deepEqual(trials.map(key).sort(), ['0.001 6', '0.001 8', '0.01 6', '0.01 8', '0.1 6', '0.1 8']);
  for (const trial of trials) {
    const job = await server.job(trial.id);
    assert.equal(job.spec.eta, trial.values.eta);
    assert.deepEqual(job.spec.hidden, trial.values.hidden);
    assert.deepEqual(job.search, { id: search.id, stage: 0, ordinal: trial.ordinal, bank: trial.bank, cut_epoch: null });
    assert.equal(job.latest.accuracy.validation, trial.objective);
    assert.equal(job.result.accuracy_test, trial.accuracy_test);
    const { cost_validation: costs } = await server.history(job.id);
    assert.deepEqual(job.best.cost_validation, { value: Math.min(...costs), epoch: costs.indexOf(Math.min(...costs)) + 1 });
    assert.equal(job.best.cost_validation.value, trial.cost_validation);
  }
});

test('a trial gets the numbers that the same job gets alone', async () => {
  const search = await finish(small);
  const trial = (await trialsOf(search)).find(({ values }) => values.eta === 0.01 && values.hidden[0] === 6);
  const alone = await server.untilState((await server.create({ ...brief, eta: 0.01, hidden: [6] })).id, 'succeeded');
  const job = await server.job(trial.id);
  assert.equal(alone.search, null);
  assert.equal(job.spec_digest, alone.spec_digest);
  assert.equal(job.result.model_sha256, alone.result.model_sha256);
});

test('points are drawn alike from the same seed', async () => {
  const definition = { base: { ...brief, epochs: 1 }, random: { eta: { from: 0.001, to: 0.1, scale: 'log' }, batch_norm: [true, false] }, trials: 8, seed: 5 };
  const [first, second, other] = [await finish(definition), await finish(definition), await finish({ ...definition, seed: 6 })];
  const points = async (search) => (await trialsOf(search, 'sort=created')).map(({ values }) => values);
  assert.equal((await points(first)).length, 8);
  assert.deepEqual(await points(first), await points(second));
  assert.notDeepEqual(await points(first), await points(other));
  for (const { eta, batch_norm: norm } of await points(first)) assert.ok(eta >= 0.001 && eta <= 0.1 && typeof norm === 'boolean');
});

test('a sampler proposes trials in batches', async () => {
  const search = await finish({
    base: { ...brief, epochs: 1 }, random: { eta: { from: 0.001, to: 0.1, scale: 'log' } }, trials: 12, sampler: 'tpe', batch: 4,
    objective: { metric: 'cost_validation', epoch: 'best' },
  });
  assert.equal(search.trials.succeeded, 12);
  assert.equal(search.definition.sampler, 'tpe');
  assert.equal(search.definition.objective.goal, 'minimize');
  const trials = await trialsOf(search);
  assert.deepEqual(trials.map(({ objective }) => objective), trials.map(({ cost_validation: cost }) => cost).sort((a, b) => a - b));
});

test('a later stage lies around the best of the one before', async () => {
  const search = await finish({
    base: brief,
    stages: [{ grid: { eta: { from: 0.001, to: 0.1, count: 3, scale: 'log' }, batch_norm: [true, false] } },
      { grid: { eta: { count: 4, scale: 'log' } }, around: 'best', shrink: 0.5, pivot: { lambda: 2e-8 } }],
  });
  assert.equal(search.stages.length, 2);
  const [first] = await trialsOf(search, 'stage=0');
  const second = await trialsOf(search, 'stage=1&sort=eta');
  assert.equal(second.length, 4);
  for (const { values } of second) {
    assert.equal(values.lambda, 2e-8);
    assert.equal(values.batch_norm, first.values.batch_norm);
    assert.ok(values.eta > first.values.eta / 11 && values.eta < first.values.eta * 11, `${values.eta}`);
  }
  assert.deepEqual(second.map(({ values }) => values.eta), second.map(({ values }) => values.eta).sort((a, b) => a - b));
});

test('halving cuts the worse trials, which keep their histories', async () => {
  const search = await finish({
    base: { ...brief, epochs: 4 }, grid: { eta: { from: 1e-5, to: 0.1, count: 9, scale: 'log' } }, halving: { epochs: 1, factor: 3 },
  });
  assert.deepEqual({ succeeded: search.trials.succeeded, cut: search.trials.cut, cancelled: search.trials.cancelled }, { succeeded: 1, cut: 8, cancelled: 0 });
  const cut = await trialsOf(search, 'state=cancelled');
  assert.equal(cut.length, 8);
  for (const trial of cut) {
    assert.ok([1, 3].includes(trial.cut_epoch), `${trial.cut_epoch}`);
    assert.equal((await server.history(trial.id)).epoch.length, trial.cut_epoch);
    assert.equal((await server.job(trial.id)).search.cut_epoch, trial.cut_epoch);
  }
});

test('a trial that diverges is ranked last and stops nobody', async () => {
  const search = await finish({ base: diverging, grid: { eta: [0.00001, 10] } });
  assert.deepEqual([search.trials.succeeded, search.trials.failed], [1, 1]);
  const [good, bad] = await trialsOf(search);
  assert.deepEqual([bad.state, bad.objective, bad.rank, bad.values.eta], ['failed', null, null, 10]);
  assert.ok(bad.failed_epoch >= 1 && good.failed_epoch === null && good.rank === 1);
  const failed = await untilState(await create({ base: diverging, grid: { eta: [10] } }), 'failed');
  assert.equal(failed.best, null);
});

test('a target and max_trials end a search', async () => {
  const reached = await finish({ base: endless, grid: { eta: [0.01, 0.02, 0.05] }, target: 0.5 });
  assert.ok(reached.best.objective >= 0.5);
  assert.ok(reached.reason.length > 0);
  const limited = await finish({ ...small, max_trials: 2 });
  assert.equal(limited.trials.made, 2);
});

test('a dry run says what a search would take and creates nothing', async () => {
  const count = async () => (await server.get('/v1/searches?limit=200')).json.data.length;
  const before = await count();
  const answer = await server.post('/v1/searches?dry_run=true', {
    ...small, grid: { ...grid, eta: { from: 1e-6, to: 1e-2, count: 14, scale: 'log' }, lambda: { from: 1e-8, to: 1e-1, count: 14, scale: 'log' } },
  });
  assert.equal(answer.status, 200);
  assert.equal(answer.json.trials, 14 * 14 * 2);
  assert.equal(answer.json.banks.reduce((sum, { trials }) => sum + trials, 0), 14 * 14 * 2);
  assert.ok(answer.json.flops > 0 && answer.json.memory_bytes > 0 && answer.json.estimated_seconds > 0);
  assert.equal(answer.json.definition.base.batch_norm, true);
  assert.equal(await count(), before);
});

test('what a search shows can be POSTed again', async () => {
  for (const definition of [small, { base: brief, random: { eta: [0.1, 0.2], seed: [1, 2] }, trials: 3, sampler: 'tpe' },
    { base: { ...brief, hidden: undefined }, grid: { hidden: [[5], []] } },
    { base: brief, grid: { optimizer: ['sgd', 'adam'], 'decay.kind': ['step', 'cosine'], 'early_stopping.patience': [0, 2] } },
    { base: { dataset: 'fashion-mnist', depth: 2, epochs: 1 }, grid: { train_size: [50, 60000 - 6000], validation_size: [100, 6000] } },
    { base: brief, stages: [{ grid }, { random: { eta: {} }, trials: 2, around: 'best', pivot: { hidden: [5] } }], target: 2, max_seconds: 1.5 }]) {
    const shown = (await server.post('/v1/searches?dry_run=true', definition)).json.definition;
    assert.deepEqual((await server.post('/v1/searches?dry_run=true', shown)).json.definition, shown);
  }
});

test('all faults of a search are told at once', async () => {
  const errors = await faultsOf({
    base: { ...brief, dataset: 'none', epochs: 0 }, name: 7, sead: 1, trials: 4, objective: { metric: 'speed' },
    grid: { eta: [0.1, -1], lamda: [0], hidden: [[5], 5], 'decay.factor': { from: 1, to: 0.5, count: 2 }, dataset: ['x'] },
  });
  assert.deepEqual(errors.map(({ pointer }) => pointer).sort(), ['/base/dataset', '/base/epochs', '/grid/dataset', '/grid/decay.factor',
    '/grid/eta/1', '/grid/hidden/1', '/grid/lamda', '/name', '/objective/metric', '/sead', '/trials']);
  assert.match(errors.find(({ pointer }) => pointer === '/grid/lamda').detail, /did you mean lambda\?/);
});

const range = (from, to, count, scale = 'linear') => ({ from, to, count, scale });
const refused = [
  [{ base: brief }, ''],
  [{ grid }, '/base'],
  [{ base: brief, grid: {} }, '/grid'],
  [{ base: brief, grid: { eta: range(1, 0.1, 5) } }, '/grid/eta'],
  [{ base: brief, grid: { lambda: range(0, 0.1, 5, 'log') } }, '/grid/lambda'],
  [{ base: brief, grid: { eta: range(0.1, 1, 1e9) } }, '/grid/eta/count'],
  [{ base: brief, grid: { eta: range(0.1, 1, 1000), lambda: range(0, 1, 1000), momentum: range(0, 0.9, 1000), dropout: range(0, 0.5, 1000) } }, '/grid'],
  [{ base: brief, random: { eta: [1] } }, '/trials'],
  [{ base: brief, random: { eta: [1] }, trials: 10001 }, '/trials'],
  [{ base: { ...brief, validation_size: 0 }, grid }, '/base/validation_size'],
  [{ base: brief, grid: { batch_size: [10, 600] } }, '/grid/batch_size'],
  [{ base: brief, grid, halving: { epochs: 3 } }, '/halving/epochs'],
  [{ base: brief, stages: [{ grid: { eta: { count: 3 } } }] }, '/stages/0/grid/eta'],
  [{ base: brief, stages: [] }, '/stages'],
  [{ base: brief, grid: { momentum: [0.5], optimizer: ['adam'] } }, '/grid/momentum'],
  [[], ''],
];
for (const [definition, pointer] of refused) {
  test(`refused at ${pointer || 'the top'}: ${JSON.stringify(definition).slice(0, 90)}`, async () => {
    assert.ok((await faultsOf(definition)).some((fault) => fault.pointer === pointer), JSON.stringify(await faultsOf(definition)));
  });
}

test('bodies, methods and paths are refused as anywhere', async () => {
  const type = async (answer, problem, status) => {
    assert.equal(answer.json.type, `urn:epochd:problem:${problem}`);
    assert.equal(answer.status, status);
  };
  await type(await server.post('/v1/searches', '{"base":'), 'not_json', 400);
  await type(await server.post('/v1/searches', '{}', { type: 'text/plain' }), 'unsupported_media_type', 415);
  await type(await server.request('PUT', '/v1/searches'), 'method_not_allowed', 405);
  await type(await server.request('POST', absent, { body: {} }), 'method_not_allowed', 405);
  await type(await server.post('/v1/searches?dry=true', small), 'invalid_query', 400);
  await type(await server.get('/v1/searches?state=queued'), 'invalid_query', 400);
  await type(await server.get('/v1/jobs?search=x'), 'invalid_query', 400);
  for (const path of ['', '/trials', '/trials.csv', '/importance']) await type(await server.get(`${absent}${path}`), 'not_found', 404);
  for (const path of ['/cancel', '/pause', '/resume']) await type(await server.post(`${absent}${path}`), 'not_found', 404);
  await type(await server.post(`${absent}/trials`, { grid }), 'not_found', 404);
  await type(await server.request('DELETE', absent), 'not_found', 404);
  await type(await server.get('/v1/searches/x/nothing'), 'unknown_route', 404);
});

test('searches are listed, newest first, in pages and by state', async () => {
  const made = [];
  for (let i = 0; i < 5; i++) made.unshift((await finish({ base: { ...brief, epochs: 1 }, grid: { eta: [0.1] }, name: `list ${i}` })).id);
  const seen = [];
  let cursor = '';
  while (seen.length < 5) {
    const page = (await server.get(`/v1/searches?limit=2${cursor && `&cursor=${cursor}`}`)).json;
    assert.equal(page.data.length, 2);
    seen.push(...page.data.map(({ id }) => id));
    cursor = page.next_cursor;
  }
  assert.deepEqual(seen.slice(0, 5), made);
  const states = async (query) => new Set((await server.get(`/v1/searches?limit=200&${query}`)).json.data.map(({ state }) => state));
  assert.deepEqual(await states('state=succeeded'), new Set(['succeeded']));
  assert.deepEqual(await states('state=running,paused'), new Set());
});

test('trials have orders, filters and pages', async () => {
  const search = await finish({ base: { ...brief, epochs: 1 }, grid: { eta: [0.1, 0.001, 0.01], batch_norm: [true, false], seed: [1, 2] } });
  const column = async (query, pick) => (await trialsOf(search, query)).map(pick);
  const sorted = (list) => list.every((value, i) => i === 0 || list[i - 1] <= value);
  assert.ok(sorted((await column('', ({ objective }) => -objective))));
  assert.ok(sorted((await column('order=asc', ({ objective }) => objective))));
  assert.ok(sorted((await column('sort=eta', ({ values }) => values.eta))));
  assert.ok(sorted((await column('sort=eta&order=desc', ({ values }) => -values.eta))));
  assert.ok(sorted((await column('sort=accuracy_test', ({ accuracy_test: share }) => share))));
  assert.ok(sorted((await column('sort=finished', ({ finished_at: at }) => at))));
  assert.deepEqual(await column('sort=created', ({ ordinal }) => ordinal), [...Array(12).keys()]);
  assert.deepEqual(await column('sort=batch_norm', ({ values }) => values.batch_norm), [...Array(6).fill(false), ...Array(6).fill(true)]);
  const all = await column('sort=eta', ({ id }) => id);
  const seen = [];
  let cursor = '';
  do {
    const page = (await server.get(`${urlOf(search)}/trials?sort=eta&limit=5${cursor && `&cursor=${cursor}`}`)).json;
    assert.ok(page.data.length <= 5);
    seen.push(...page.data.map(({ id }) => id));
    cursor = page.next_cursor;
  } while (cursor);
  assert.deepEqual(seen, all);
  assert.equal((await trialsOf(search, 'state=succeeded')).length, 12);
  assert.equal((await trialsOf(search, 'state=failed,cancelled')).length, 0);
  assert.equal((await trialsOf(search, 'stage=1')).length, 0);
  for (const query of ['sort=lambda', 'order=up', 'limit=1001', 'stage=16', 'cursor=x', `cursor=${search.id}`, 'state=cut']) {
    const answer = await server.get(`${urlOf(search)}/trials?${query}`);
    assert.equal(answer.status, 400, query);
    assert.equal(answer.json.type, 'urn:epochd:problem:invalid_query');
  }
});

test('trials are jobs, listed by their search', async () => {
  const search = await finish(small);
  const ids = (await trialsOf(search)).map(({ id }) => id).sort();
  const listed = (await server.get(`/v1/jobs?search=${search.id}&limit=200`)).json.data;
  assert.deepEqual(listed.map(({ id }) => id).sort(), ids);
  assert.ok(listed.every((job) => job.search.id === search.id));
  assert.equal((await server.get(`/v1/jobs?search=${search.id}&state=failed`)).json.data.length, 0);
});

test('trials come as a table', async () => {
  const search = await finish(small);
  const { status, headers, text } = await server.get(`${urlOf(search)}/trials.csv`);
  assert.equal(status, 200);
  assert.equal(headers['content-type'], 'text/csv; charset=utf-8');
  assert.match(headers['content-disposition'], /^attachment; filename="search-[0-9a-f-]+\.csv"$/);
  const lines = text.split('\r\n');
  assert.equal(lines.pop(), '');
  assert.match(lines[0], /^id,stage,ordinal,bank,state,.*,finished_at,eta,hidden$/);
  assert.equal(lines.length, 7);
  const trials = await trialsOf(search, 'sort=created');
  for (const [i, { id, state, values }] of trials.entries()) {
    assert.ok(lines[i + 1].startsWith(`${id},0,${i},`) && lines[i + 1].includes(`,${state},`));
    assert.ok(lines[i + 1].endsWith(`,${values.eta},"[${values.hidden}]"`), lines[i + 1]);
  }
});

test('fields are told by their importance', async () => {
  const search = await finish({ base: brief, grid: { eta: [0.0001, 0.001, 0.1], shuffle: [true, false] } });
  const { data } = (await server.get(`${urlOf(search)}/importance`)).json;
  assert.deepEqual(data.map(({ field }) => field), ['eta', 'shuffle']);
  assert.ok(data[0].importance > 0.5 && data[1].importance < data[0].importance, JSON.stringify(data));
  const single = await finish({ base: brief, grid: { eta: [0.1] } });
  assert.deepEqual((await server.get(`${urlOf(single)}/importance`)).json.data, [{ field: 'eta', importance: null }]);
});

test('a search is paused, resumed, cancelled and deleted', async () => {
  const search = await create({ base: endless, grid: { eta: [0.01, 0.02], hidden: [[8], [6]] } });
  await until(search, ({ trials }) => trials.running > 0);
  const conflict = await server.request('DELETE', urlOf(search));
  assert.equal(conflict.status, 409);
  assert.equal(conflict.json.type, 'urn:epochd:problem:wrong_state');
  const paused = await steer(search, 'pause');
  assert.equal(paused.status, 200);
  assert.equal(paused.json.state, 'paused');
  assert.equal((await steer(search, 'pause')).json.state, 'paused');
  const epochs = async () => (await trialsOf(search, 'sort=created')).map(({ epoch }) => epoch);
  await sleep(1000);
  const still = await epochs();
  await sleep(200);
  assert.deepEqual(await epochs(), still);
  assert.equal((await steer(search, 'resume')).json.state, 'running');
  await until(search, ({ trials }) => trials.running > 0);
  const cancelled = await server.post(`${urlOf(search)}/cancel`, {});
  assert.equal(cancelled.json.state, 'cancelled');
  assert.equal((await steer(search, 'cancel')).status, 200);
  for (const what of ['pause', 'resume']) assert.equal((await steer(search, what)).status, 409);
  assert.equal((await server.post(`${urlOf(search)}/cancel`, { now: 1 })).status, 400);
  const { trials } = await until(search, (now) => now.trials.running + now.trials.queued === 0);
  assert.equal(trials.cancelled, 4);
  const ids = (await trialsOf(search)).map(({ id }) => id);
  assert.equal((await server.request('DELETE', urlOf(search))).status, 204);
  assert.equal((await server.get(urlOf(search))).status, 404);
  for (const id of ids) assert.equal((await server.get(`/v1/jobs/${id}`)).status, 404);
});

test('a single trial can be cancelled, and the others go on', async () => {
  const search = await create({ base: { ...brief, epochs: 200 }, grid: { eta: [0.01, 0.02, 0.05] } });
  const [{ id }] = await trialsOf(search, 'sort=created');
  assert.equal((await server.post(`/v1/jobs/${id}/cancel`)).status, 200);
  const { trials } = await untilState(search, 'succeeded');
  assert.deepEqual([trials.succeeded, trials.cancelled, trials.cut], [2, 1, 0]);
});

test('a stage is added to a search that has ended', async () => {
  const search = await finish(small);
  const answer = await server.post(`${urlOf(search)}/trials`, { random: { eta: { scale: 'log' } }, trials: 3, around: 'best', shrink: 0.1 });
  assert.equal(answer.status, 202, answer.text);
  assert.equal(answer.json.state, 'running');
  assert.equal(answer.json.trials.planned, 9);
  assert.deepEqual(answer.json.definition.stages.map((stage) => stage.around), [undefined, 'best']);
  const { trials, stages } = await untilState(search, 'succeeded');
  assert.equal(trials.succeeded, 9);
  assert.equal(stages[1].ended, 3);
  const path = `${urlOf(search)}/trials`;
  const pointers = async (stage) => (await faultsOf(stage, path)).map(({ pointer }) => pointer);
  assert.deepEqual(await pointers({}), ['/grid']);
  assert.deepEqual(await pointers({ grid: { eta: [0.1, 0] }, stges: 1 }), ['/stges', '/grid/eta/1']);
  assert.deepEqual(await pointers({ grid: { lambda: { count: 3 } }, around: 'best' }), ['/grid/lambda']);
  assert.deepEqual(await pointers([]), ['']);
  const cancelled = await create({ base: endless, grid: { eta: [0.1] } });
  await drop(cancelled);
  assert.equal((await server.post(`${urlOf(cancelled)}/trials`, { grid: { eta: [0.2] } })).status, 409);
});

test('a single job starts at once beside a search', async () => {
  const search = await create({ base: endless, grid: { eta: { from: 0.001, to: 0.1, count: 40 } } });
  await until(search, ({ trials }) => trials.running > 0);
  const begun = Date.now();
  const { id } = await server.create(brief);
  await server.until(id, ({ started_at: at }) => at !== null);
  assert.ok(Date.now() - begun < 1000 * slow);
  await server.untilState(id, 'succeeded');
  await drop(search);
});

test('a figure of a search is drawn', async () => {
  const search = { name: '<b>&"', base: brief, grid: { eta: [0.01, 0.1], lambda: [0, 1e-4] } };
  const json = await create(search);
  const path = `/v1/searches/${json.id}/figure.svg`;
  await untilState(json, 'succeeded');
  const figure = await server.get(path);
  assert.equal(figure.status, 200);
  assert.equal(figure.headers['content-type'], 'image/svg+xml');
  assert.match(figure.text, /^<svg [^]*&lt;b&gt;&amp;&quot;[^]*>eta<[^]*<\/svg>\n$/);
  assert.equal((await server.get(path)).text, figure.text);
  assert.match((await server.get(`${path}?kind=parallel&theme=dark&width=400&height=320&stage=0`)).text, /width="400"/);
  for (const query of ['kind=pie', 'x=sigma', 'x=momentum', 'y=eta&x=eta', 'width=10', 'height=9999', 'theme=pink', 'stage=x']) {
    const refused = await server.get(`${path}?${query}`);
    assert.equal(refused.status, 400, query);
    assert.equal(refused.json.type, 'urn:epochd:problem:invalid_query');
  }
});
