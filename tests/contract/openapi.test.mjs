// The contract and the program say the same, in both directions.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { contract, lookUp, operations, resolve } from './document.mjs';

const program = JSON.parse(execFileSync(process.env.CONTRACT_DUMP));

function* walk(node, path = '') {
  yield [path, node];
  if (node && typeof node === 'object') for (const [key, value] of Object.entries(node)) yield* walk(value, `${path}/${key}`);
}

// The leaves of the spec's schema, named as the program names its fields.
function leaves(schema, prefix = '') {
  return Object.entries(schema.properties).flatMap(([name, property]) => {
    const full = resolve(property);
    return full.properties ? leaves(full, `${prefix}${name}/`) : [[`${prefix}${name}`, full]];
  });
}

const { JobSpec: spec, SearchDefinition: search, SearchStage: stage, SearchRange: range, SearchGrid: grid, SearchRandom: random } = contract.components.schemas;

// A schema beside the table of the program that it describes, and what else is in the schema.
const tables = [
  ['spec', spec, program.fields, []],
  ['search', search, program.search, ['base', 'grid', 'random', 'trials', 'seed', 'sampler', 'batch', 'stages']],
  ['stage', stage, program.stage, ['grid', 'random', 'pivot']],
  ['range', range, program.range, ['from', 'to']],
].map(([name, schema, fields, others]) => {
  const own = Object.fromEntries(Object.entries(schema.properties).filter(([key]) => !others.includes(key)));
  return { name, schema, fields, others, documented: new Map(leaves({ properties: own })) };
});

for (const { name, schema, fields, others, documented } of tables) {
  test(`fields of a ${name} are the same`, () => {
    assert.deepEqual([...documented.keys()].sort(), fields.map((field) => field.name).sort());
    assert.ok(others.every((other) => other in schema.properties));
    assert.equal(schema.additionalProperties, false);
    assert.deepEqual((schema.required ?? []).filter((field) => !others.includes(field)).sort(),
      fields.filter(({ required }) => required).map((field) => field.name).sort());
  });
}

test('fields of a spec are in the same order', () => {
  assert.deepEqual([...tables[0].documented.keys()], program.fields.map(({ name }) => name));
});

test('a search says of its only stage what a stage says', () => {
  for (const name of ['grid', 'random', 'trials', 'seed', 'sampler', 'batch']) assert.deepEqual(search.properties[name], stage.properties[name]);
  assert.deepEqual(Object.keys(search.properties.base.properties), Object.keys(spec.properties));
});

test('limits of a search are the same', () => {
  const { stages, fields, values, trials } = program.limits;
  assert.equal(search.properties.stages.maxItems, stages);
  for (const { maxProperties } of [grid, random, stage.properties.pivot]) assert.equal(maxProperties, fields);
  assert.equal(contract.components.schemas.SearchValues.maxItems, values);
  assert.match(search.description, new RegExp(`At most ${trials} trials`));
  assert.equal(contract.paths['/v1/searches/{id}/trials'].get.parameters.find(({ name }) => name === 'stage').schema.maximum, stages - 1);
});

const types = { integer: 'integer', number: 'number', boolean: 'boolean', text: 'string', choice: 'string', integers: 'array', texts: 'array' };
const word = contract.components.schemas.Word;

function checkRange(schema, field) {
  assert.equal(field.above_least ? schema.exclusiveMinimum : schema.minimum, field.least);
  assert.equal(schema.maximum, field.most);
}

for (const [name, field, documented] of tables.flatMap((table) => table.fields.map((field) => [table.name, field, table.documented]))) {
  test(`field ${field.name} of a ${name}`, () => {
    const schema = documented.get(field.name);
    assert.equal(schema.type, types[field.kind]);
    assert.ok(schema.description.trim().length > 10);
    if (field.kind === 'integer' || field.kind === 'number') checkRange(schema, field);
    if (field.kind === 'choice') assert.deepEqual(schema.enum, field.choices);
    if (field.kind === 'text') assert.equal(schema.maxLength, field.length_most);
    if (field.kind === 'text' && field.word) assert.equal(schema.pattern, word.pattern);
    if (field.kind === 'integers' || field.kind === 'texts') assert.equal(schema.maxItems, field.items_most);
    if (field.kind === 'integers') checkRange(schema.items, field);
    if (field.kind === 'texts') assert.equal(resolve(schema.items).maxLength, field.length_most);
    if (field.required || field.derived) {
      assert.ok(!('default' in schema));
    } else {
      const preset = { boolean: field.preset === 1, choice: field.choices[field.preset], text: '', texts: [] }[field.kind];
      assert.deepEqual(schema.default, preset ?? field.preset);
    }
  });
}

test('routes are the same', () => {
  const line = (method, path, operation, body, query) => `${method} ${path} ${operation} ${body ? 'body' : ''} ${query.sort()}`;
  assert.deepEqual(
    operations.map(({ method, path, operationId, requestBody, parameters }) => line(method.toUpperCase(), path, operationId,
      requestBody, parameters.filter((parameter) => parameter.in === 'query').map(({ name }) => name))).sort(),
    program.routes.map(({ method, path, operation, body, query }) => line(method, path, operation, body, query)).sort());
});

test('problems are the same', () => {
  assert.deepEqual(contract.components.schemas.Problem.properties.type.enum.slice().sort(),
    program.problems.map((code) => `urn:epochd:problem:${code}`).sort());
});

test('every operation is described, and its path parameters are declared', () => {
  for (const { path, summary, description, tags, responses, parameters } of operations) {
    assert.ok(summary && description && tags.length === 1, path);
    assert.ok(Object.keys(responses).some((status) => status.startsWith('2')), path);
    const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    assert.deepEqual(parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name), named);
    for (const parameter of parameters) assert.ok(parameter.description && parameter.schema, `${path} ${parameter.name}`);
  }
});

test('references lead somewhere, and everything is referred to', () => {
  const used = new Set();
  for (const [path, node] of walk(contract)) {
    if (path.endsWith('/$ref')) {
      assert.ok(lookUp(node) !== undefined, node);
      used.add(node);
    }
  }
  for (const [kind, items] of Object.entries(contract.components)) {
    for (const name of Object.keys(items)) assert.ok(used.has(`#/components/${kind}/${name}`), `${kind} ${name} is not used`);
  }
});

test('required properties are properties', () => {
  for (const [path, node] of walk(contract.components.schemas)) {
    if (Array.isArray(node?.required) && node.properties) {
      for (const name of node.required) assert.ok(name in node.properties, `${path}: ${name}`);
    }
  }
});
