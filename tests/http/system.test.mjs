// What the server says of itself.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { Server } from './harness.mjs';

let server;
before(async () => { server = await Server.start({ args: ['--workers', '3'] }); });
after(() => server.stop());

test('the system describes the machine and its load', async () => {
  const { json } = await server.get('/v1/system');
  assert.equal(json.name, 'epochd');
  assert.equal(json.version, process.env.EPOCHD_VERSION);
  assert.ok(json.cores >= 1 && json.processor !== '' && /kernels|OpenBLAS/.test(json.gemm));
  assert.equal(json.numerics, 'fast');
  assert.ok(json.precisions.includes('fp32'));
  assert.ok(json.memory.resident_bytes > 0 && json.memory.total_bytes > json.memory.resident_bytes);
  assert.ok(json.memory.limit_bytes > 0 && json.memory.limit_bytes <= json.memory.total_bytes);
  assert.equal(json.memory.jobs_bytes, 0);
  assert.deepEqual(json.workers, { count: 3, busy: 0 });
  assert.deepEqual(json.jobs, { queued: 0, running: 0, succeeded: 0, failed: 0, cancelled: 0 });
  const later = (await server.get('/v1/system')).json;
  assert.ok(later.uptime_seconds > json.uptime_seconds);
});

test('probes answer', async () => {
  assert.deepEqual((await server.get('/healthz')).json, { status: 'ok' });
  assert.deepEqual((await server.get('/readyz')).json, { status: 'ready' });
});

test('the contract is served as it is in the source', async () => {
  const answer = await server.get('/openapi.yaml');
  assert.equal(answer.headers['content-type'], 'application/yaml');
  assert.equal(answer.text, readFileSync(new URL('../../openapi.yaml', import.meta.url), 'utf8'));
});

test('the index leads everywhere', async () => {
  const { json } = await server.get('/');
  assert.equal(json.name, 'epochd');
  for (const path of Object.values(json.links)) assert.equal((await server.get(path)).status, 200, path);
  for (const { method, path } of json.routes) {
    const allow = (await server.request('OPTIONS', path.replace(/\{\w+\}/, 'x'))).headers.allow;
    assert.ok(allow.split(', ').includes(method), path);
  }
});
