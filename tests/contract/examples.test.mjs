// The contract's examples and defaults are valid by its own schemas; and what checks that does find faults.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answerFaults, examples, schemaFaults } from './document.mjs';
import { faultsOf } from './schema.mjs';

test('examples and defaults are valid', () => {
  const all = [...examples()];
  assert.ok(all.length > 25, `${all.length}`);
  assert.deepEqual(all.flatMap(([path, schema, value]) => schemaFaults(schema, value).map((fault) => `${path}: ${fault}`)), []);
});

const word = { type: 'string', minLength: 1, maxLength: 3, pattern: '^[a-z]*$' };
const bad = [
  [{ type: 'integer' }, 1.5, '/ is not integer'],
  [{ type: ['number', 'null'] }, '1', '/ is not number,null'],
  [{ const: 'ok' }, 'no', '/ is not ok'],
  [{ enum: ['a', 'b'] }, 'c', '/ is none of a,b'],
  [{ minimum: 1 }, 0, '/ is below 1'],
  [{ exclusiveMinimum: 0 }, 0, '/ is not above 0'],
  [{ maximum: 1 }, 2, '/ is above 1'],
  [word, '', '/ is too short'],
  [word, 'abcd', '/ is too long'],
  [word, 'A', '/ is not like ^[a-z]*$'],
  [{ format: 'date-time' }, '2026-01-01 00:00', '/ is not a date-time'],
  [{ items: word }, ['a', 'B'], '/1 is not like ^[a-z]*$'],
  [{ maxItems: 1 }, [1, 2], '/ has more than 1 items'],
  [{ uniqueItems: true }, ['a', 'a'], '/ repeats an item'],
  [{ maxProperties: 0 }, { a: 1 }, '/ has more than 0 members'],
  [{ required: ['a'] }, {}, '/a is missing'],
  [{ properties: { a: { type: 'null' } } }, { a: 1 }, '/a is not null'],
  [{ properties: { a: {} }, additionalProperties: false }, { a: 1, b: 2 }, '/b is not allowed'],
  [{ additionalProperties: { type: 'integer' } }, { a: 'x' }, '/a is not integer'],
  [{ anyOf: [{ const: 1 }, { type: 'null' }] }, 2, '/ is not 1'],
  [{ $ref: '#/word' }, 7, '/ is not string'],
];
for (const [schema, value, fault] of bad) {
  test(`the check finds ${JSON.stringify(value)} for ${JSON.stringify(schema)}`, () => {
    assert.equal(faultsOf(schema, value, () => word)[0], fault);
  });
}

test('the check does not pass over a keyword that it does not know', () => {
  assert.throws(() => faultsOf({ multipleOf: 2 }, 3), /multipleOf/);
});

test('the check finds answers that are not as the contract says', () => {
  const json = { 'content-type': 'application/json' };
  const problem = { 'content-type': 'application/problem+json' };
  const notFound = { type: 'urn:epochd:problem:not_found', title: 'x', status: 404, detail: 'x' };
  const faults = (method, path, status, headers, body) => answerFaults(method, path, { status, headers, text: JSON.stringify(body), json: body });
  assert.deepEqual(faults('GET', '/healthz', 200, json, { status: 'ok' }), []);
  assert.deepEqual(faults('GET', '/healthz', 200, json, { status: 'well' }), ['/status is not ok']);
  assert.deepEqual(faults('GET', '/healthz', 200, problem, {}), ['application/problem+json is none of application/json']);
  assert.deepEqual(faults('GET', '/v1/jobs/x', 404, problem, notFound), []);
  assert.deepEqual(faults('GET', '/v1/jobs/x', 410, problem, notFound), ['status differs']);
  assert.deepEqual(faults('GET', '/nothing', 404, problem, { ...notFound, type: 'about:blank' }).length, 1);
  assert.deepEqual(faults('DELETE', '/v1/jobs/x', 204, {}, {}), ['there must be no body']);
  assert.deepEqual(faults('PUT', '/v1/jobs', 200, json, {}), ['is not in the contract']);
  assert.ok(faults('POST', '/v1/jobs?x=1', 202, json, {}).includes('Location is missing'));
});
