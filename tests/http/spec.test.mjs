// The server takes exactly the specs that the contract allows: every documented bound, default and type is tried.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { contract, resolve, schemaFaults } from '../contract/document.mjs';
import { makeData, Server } from './harness.mjs';

let server;
let precisions;
before(async () => {
  server = await Server.start({ data: makeData() });
  ({ precisions } = (await server.get('/v1/system')).json);
});
after(async () => { assert.deepEqual(await server.stop(), { code: 0, signal: null }); });

const schema = contract.components.schemas.JobSpec;
const leaves = (node, path = []) => Object.entries(node.properties).flatMap(([name, property]) => {
  const full = resolve(property);
  return full.properties ? leaves(full, [...path, name]) : [[[...path, name], full]];
});
const fields = leaves(schema);

const plain = { dataset: 'fashion-mnist', epochs: 1, depth: 2, batch_norm: false };
const dry = (spec) => server.post('/v1/jobs?dry_run=true', spec);

// What a member counts only beside.
const beside = {
  'init/std': { init: { kind: 'gaussian' } },
  'adam/beta1': { optimizer: 'adam' },
  'adam/beta2': { optimizer: 'adam' },
  'adam/epsilon': { optimizer: 'adam' },
  'early_stopping/watch': { early_stopping: { patience: 2 } },
  scale_shift: { batch_norm: true },
};

// `plain` with one member set, and with what that member needs beside it.
function withMember(path, value) {
  const spec = { ...structuredClone(plain), ...structuredClone(beside[path.join('/')]) };
  if (path[0] === 'hidden') delete spec.depth;
  const holder = path.slice(0, -1).reduce((at, name) => (at[name] ??= {}), spec);
  holder[path.at(-1)] = value;
  return spec;
}

test('what is not given becomes the documented default', async () => {
  for (const [path, { default: preset }] of fields) {
    if (preset === undefined || path.join('/') === 'batch_norm') continue;
    const { json } = await dry({ ...plain, ...beside[path.join('/')] });
    assert.deepEqual(path.reduce((at, name) => at[name], json.spec), preset, path.join('/'));
  }
  const { spec } = (await dry({ dataset: 'fashion-mnist', epochs: 1, hidden: [5] })).json;
  assert.equal(spec.batch_norm, schema.properties.batch_norm.default);
  assert.deepEqual(spec.init, { kind: schema.properties.init.properties.kind.default });
  assert.deepEqual([spec.train_size, spec.validation_size, spec.depth], [54000, 6000, 2]);
});

// The dataset has fewer images, and the spec fewer epochs, than the largest numbers that are documented.
const beyondDataset = new Set(['train_size', 'validation_size', 'warm_up', 'pca/components']);

for (const [path, field] of fields) {
  const name = path.join('/');
  const taken = async (value) => {
    const answer = await dry(withMember(path, value));
    assert.equal(answer.status, 200, `${JSON.stringify(value)}: ${answer.text}`);
  };
  const refused = async (value, pointer = `/${name}`) => {
    const answer = await dry(withMember(path, value));
    assert.equal(answer.status, 422, JSON.stringify(value));
    assert.deepEqual(answer.json.errors.map((fault) => fault.pointer), [pointer], answer.text);
  };

  test(`${name} has the documented type and range`, async () => {
    for (const wrong of [null, {}, field.type === 'array' ? 'a' : [], field.type === 'boolean' ? 1 : true]) await refused(wrong);
    if (field.enum) {
      for (const value of field.enum) if (name !== 'precision' || precisions.includes(value)) await taken(value);
      await refused('other');
    } else if (field.type === 'integer' || field.type === 'number') {
      const step = field.type === 'integer' ? 1 : 1e-9;
      if ('minimum' in field) { await taken(field.minimum); await refused(field.minimum - step); }
      if ('exclusiveMinimum' in field) { await taken(field.exclusiveMinimum + 1e-6); await refused(field.exclusiveMinimum); }
      if (!beyondDataset.has(name)) await taken(field.maximum);
      await refused(field.type === 'integer' ? field.maximum + 1 : field.maximum * (1 + 1e-12));
      await refused('1');
      if (field.type === 'integer') await refused(field.minimum + 0.5);
    } else if (field.type === 'array') {
      const items = resolve(field.items);
      const item = (i) => (items.type === 'integer' ? i + 1 : `t${i}`);
      await taken(Array.from({ length: field.maxItems }, (_, i) => item(i)));
      await refused(Array.from({ length: field.maxItems + 1 }, (_, i) => item(i)));
      await refused([item(0), false], `/${name}/1`);
    } else if (field.type === 'string' && name !== 'dataset') {
      await taken('x'.repeat(field.maxLength));
      await refused('x'.repeat(field.maxLength + 1));
    }
  });
}

// Small and repeatable.
function makeRandom(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const junk = [null, true, '', 'x', -1, 0, 0.5, 1, 2, 1e9, 1e21, [], [1, 'a'], {}, { every: 0 }, { kind: 'he', std: 1 }];

// Mostly right values, sometimes junk, sometimes a member too many.
function makeSpec(random) {
  const pick = (list) => list[Math.floor(random() * list.length)];
  const likely = {
    dataset: ['fashion-mnist'], train_size: [100, 5000, 54000, 60000], validation_size: [0, 100, 6000], normalize: ['mean', 'none'],
    pca: [{}, {}, { components: 20 }, { variance: 0.9 }, { components: 0 }],
    depth: [1, 2, 3], hidden: [[], [5], [5, 7]], activation: ['relu', 'leaky_relu', 'tanh'],
    batch_norm: [true, false], eta: [1e-9, 0.02, 100], lambda: [0, 1e-4], epochs: [1, 10000],
    batch_size: [1, 2, 100, 10000], optimizer: ['sgd', 'sgd', 'adam'], momentum: [0, 0.9], nesterov: [true, false],
    adam: [{}, {}, { beta1: 0.8, epsilon: 1e-6 }, { beta2: 0.99 }], scale_shift: [true, false], dropout: [0, 0.5], warm_up: [0, 1],
    decay: [{}, { every: 2 }, { factor: 0.5, every: 1 }, { kind: 'cosine' }, { kind: 'cosine', every: 3 },
      { kind: 'triangular', every: 3 }, { kind: 'constant' }],
    early_stopping: [{}, { patience: 3 }, { patience: 2, watch: 'accuracy' }, { watch: 'cost' }], threads: [0, 1, 64],
    init: [{}, { kind: 'xavier' }, { kind: 'gaussian', std: 0.1 }], shuffle: [true, false], augment: [{}, { flip: true }, { shift: 8, flip: false }],
    seed: [0, 7, 2 ** 53 - 1], name: ['', 'ü'],
    tags: [[], ['a', 'b']],
  };
  const share = pick([0, 0, 0.02, 0.2]);
  const spec = {};
  for (const [name, values] of Object.entries(likely)) {
    const wanted = schema.required.includes(name) ? 0.98 : 0.4;
    if (random() < wanted) spec[name] = random() < share ? pick(junk) : pick(values);
  }
  if (random() < share) spec.surprise = pick(junk);
  return spec;
}

// Where members must fit together, which a schema cannot say.
const together = /^\/(depth|hidden|train_size|validation_size|batch_size|init\/std|decay\/(every|factor)|warm_up|momentum|nesterov|scale_shift|adam\/.*|augment|pca\/.*|early_stopping\/.*|dataset)$/;
const member = (pointer) => pointer.replace(/\/\d+$/, '');

function checkRefusal(answer, faults, text) {
  assert.equal(answer.status, 422, text);
  const pointers = new Set(answer.json.errors.map(({ pointer }) => member(pointer)));
  const expected = new Set(faults.map((fault) => member(fault.split(' ')[0])));
  for (const pointer of expected) assert.ok(pointer === '/hidden' || pointers.has(pointer), `${pointer} is not named: ${text}\n${answer.text}`);
  for (const pointer of pointers) assert.ok(expected.has(pointer) || together.test(pointer), `${pointer} is named: ${text}\n${answer.text}`);
}

test('of many specs at random those are refused that the contract does not allow, naming the same members', async () => {
  const random = makeRandom(2026);
  const counts = { taken: 0, refused: 0 };
  for (let i = 0; i < 1500; i++) {
    const spec = makeSpec(random);
    const text = JSON.stringify(spec);
    const faults = schemaFaults(schema, spec);
    const answer = await dry(spec);
    if (answer.status !== 200) {
      checkRefusal(answer, faults, text);
      counts.refused++;
      continue;
    }
    counts.taken++;
    assert.deepEqual(faults, [], text);
    for (const [name, value] of Object.entries(spec)) {
      // What does not count is left out, and may only be given empty or switched off.
      if (!(name in answer.json.spec)) assert.ok(value === false || Object.keys(value).length === 0, text);
      else assert.deepEqual(typeof value === 'object' && !Array.isArray(value) ? { ...answer.json.spec[name], ...value } : value, answer.json.spec[name], text);
    }
    // The spec with all its defaults means the same.
    const again = await dry(answer.json.spec);
    assert.deepEqual(again.json?.spec, answer.json.spec, text);
    assert.equal(again.json.spec_digest, answer.json.spec_digest);
  }
  assert.ok(counts.taken > 100 && counts.refused > 100, JSON.stringify(counts));
});
