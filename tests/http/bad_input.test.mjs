// What nobody should send. None of it may stop the server or what it is doing.
import assert from 'node:assert/strict';
import net from 'node:net';
import { after, before, test } from 'node:test';
import { brief, endless, makeData, Server, sleep, slow } from './harness.mjs';

let server;
let bystander;
before(async () => {
  server = await Server.start({ data: makeData(), args: ['--workers', '2'] });
  bystander = await server.create(endless);
  await server.untilState(bystander.id, 'running');
});
after(async () => {
  // Through all of it the server went on training, and it still takes and finishes jobs.
  const { progress, state } = await server.job(bystander.id);
  assert.equal(state, 'running');
  assert.ok(progress.step > 0);
  await server.untilState((await server.create(brief)).id, 'succeeded');
  assert.deepEqual(await server.stop(), { code: 0, signal: null });
});

const spec = (members) => `{"dataset": "fashion-mnist", "epochs": 1, "train_size": 500, "hidden": [8]${members && `, ${members}`}}`;

function assertProblem(answer, status, code, part) {
  assert.equal(answer.status, status, answer.text);
  assert.match(answer.headers['content-type'], /^application\/problem\+json/);
  assert.equal(answer.json.type, `urn:epochd:problem:${code}`, answer.text);
  assert.equal(answer.json.status, status);
  assert.ok(answer.json.title && answer.json.detail);
  if (part) assert.match(answer.text, part);
}

const notJson = {
  'nothing': '',
  'a word': 'epochs',
  'half an object': '{"dataset": "fashion-mnist"',
  'NaN': spec('"eta": NaN'),
  'Infinity': spec('"eta": -Infinity'),
  '1e309': spec('"eta": 1e309'),
  'a repeated key': spec('"eta": 0.1, "eta": 0.2'),
  'a repeated nested key': spec('"decay": {"every": 1, "every": 2}'),
  'a comma too many': '{"epochs": 1,}',
  'a comment': `// hello\n${spec('')}`,
  'a NUL in a text': spec('"name": "a\\u0000b"'),
  'a NUL byte': `${spec('')}\0`,
  'half a surrogate pair': spec('"name": "\\ud800"'),
  'two objects': spec('') + spec(''),
  'deep lists': '['.repeat(100_000),
  'deep objects': '{"a":'.repeat(100_000),
  'a byte order mark': `\ufeff${spec('')}`,
  'a leading zero': spec('"seed": 01'),
  'a plus sign': spec('"seed": +1'),
  'quotes of another kind': spec("'seed': 1"),
  'a line break in a text': spec('"name": "a\nb"'),
  'a real of a million digits': spec(`"seed": ${'1'.repeat(900_000)}`),
  'a slash written too long': Buffer.from(spec('"name": "@"').replace('@', '\xc0\xaf'), 'latin1'),
  'not UTF-8': Buffer.concat([Buffer.from('{"name": "'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]),
};
for (const [name, body] of Object.entries(notJson)) {
  test(`not JSON: ${name}`, async () => {
    assertProblem(await server.post('/v1/jobs', body), 400, 'not_json');
  });
}

const faulty = {
  'no epochs': ['{"dataset": "fashion-mnist", "depth": 2}', '/epochs', /missing/],
  'no dataset': ['{"epochs": 1, "depth": 2}', '/dataset', /missing/],
  'no depth': ['{"dataset": "fashion-mnist", "epochs": 1}', '/depth', /required/],
  'an empty object': ['{}', '/dataset', /missing/],
  'a list': ['[]', '', /object/],
  'a number': ['7', '', /object/],
  '0 epochs': [spec('').replace('"epochs": 1', '"epochs": 0'), '/epochs', /got 0; epochs must be an integer from 1 to 10000/],
  '1.5 epochs': [spec('').replace('"epochs": 1', '"epochs": 1.5'), '/epochs', /1\.5/],
  'epochs as a text': [spec('').replace('"epochs": 1', '"epochs": "1"'), '/epochs', /text/],
  'a negative eta': [spec('"eta": -1'), '/eta', /above 0/],
  'eta of 0': [spec('"eta": 0'), '/eta', /above 0/],
  'eta of true': [spec('"eta": true'), '/eta', /true/],
  'eta of null': [spec('"eta": null'), '/eta', /null/],
  'depth of 1000': [spec('"depth": 1000'), '/depth', /1000/],
  'depth against hidden': [spec('"depth": 3'), '/depth', /hidden/],
  'hidden of a thousand million': [spec('').replace('[8]', '[1000000000]'), '/hidden/0', /1000000000/],
  'hidden of 0': [spec('').replace('[8]', '[8, 0]'), '/hidden/1', /got 0/],
  'too many layers': [spec('').replace('[8]', JSON.stringify(Array(32).fill(1))), '/hidden', /32 items/],
  'a huge integer': [spec(`"seed": ${'9'.repeat(300)}`), '/seed', /1e\+300/],
  'the first integer beyond': [spec('"seed": 9007199254740992'), '/seed', /got 9007199254740992;/],
  'a hair above the most': [spec('"eta": 100.00000000000001'), '/eta', /got 100\.00000000000001;/],
  'eta too small for a number': [spec('"eta": 1e-400'), '/eta', /above 0/],
  'a list too long by far': [spec('').replace('[8]', JSON.stringify(Array(100_000).fill(0))), '/hidden', /100000 items/],
  'half a unit': [spec('').replace('[8]', '[8, 1.5]'), '/hidden/1', /1\.5/],
  'a list for an object': [spec('"decay": [10, 0.95]'), '/decay', /object/],
  'a text for an object': [spec('"init": "he"'), '/init', /object/],
  'a path for an object': [spec('"decay/every": 3'), '/decay~1every', /not a field/],
  'a field that needs escapes': [spec('"a/b~c": 1'), '/a~1b~0c', /not a field/],
  'a field without a name': [spec('"": 1'), '/', /not a field/],
  'a tag twice': [spec('"tags": ["a", "a"]'), '/tags/1', /once/],
  'a tag that starts with a dot': [spec('"tags": [".a"]'), '/tags/0', /dot/],
  'a delete character': [spec('"name": "\\u007f"'), '/name', /control/],
  'a name of too many bytes': [spec(`"name": "${'ü'.repeat(65)}"`), '/name', /130 bytes/],
  'a batch of one image with batch normalisation': [spec('"batch_size": 1'), '/batch_size', /batch_norm/],
  'a batch larger than the training set': [spec('"batch_size": 501'), '/batch_size', /500/],
  'more images than there are': [spec('').replace('500', '60001'), '/train_size', /60000/],
  'no training images left': [spec('"validation_size": 60000').replace('"train_size": 500, ', ''), '/validation_size', /60000/],
  'std without gaussian': [spec('"init": {"std": 0.1}'), '/init/std', /gaussian/],
  'a slip of the pen': [spec('"momentun": 0.9'), '/momentun', /did you mean momentum\?/],
  'a nested slip of the pen': [spec('"decay": {"factr": 0.9}'), '/decay/factr', /factor/],
  'an unknown field': [spec('"color": "blue"'), '/color', /not a field/],
  'momentum with Adam': [spec('"optimizer": "adam", "momentum": 0.5'), '/momentum', /optimizer .*sgd/],
  'Adam without Adam': [spec('"adam": {"beta1": 0.5}'), '/adam/beta1', /optimizer .*adam/],
  'a scale without normalisation': [spec('"batch_norm": false, "scale_shift": true'), '/scale_shift', /batch_norm/],
  'patience without validation': [spec('"validation_size": 0, "early_stopping": {"patience": 3}'), '/early_stopping/patience', /validation/],
  'something to watch without patience': [spec('"early_stopping": {"watch": "cost"}'), '/early_stopping/watch', /patience/],
  'more axes than numbers': [spec('"pca": {"components": 785}'), '/pca/components', /784/],
  'two ways to count axes': [spec('"pca": {"components": 7, "variance": 0.5}'), '/pca/variance', /without/],
  'moved images on axes': [spec('"pca": {"components": 7}, "augment": {"flip": true}'), '/augment', /pca/],
  'a period of a constant': [spec('"decay": {"kind": "constant", "every": 3}'), '/decay/every', /step.*triangular/],
  'a prototype': [spec('"__proto__": {"eta": 1}'), '/__proto__', /not a field/],
  'a tag with a blank': [spec('"tags": ["a b"]'), '/tags/0', /word/],
  'seventeen tags': [spec(`"tags": ${JSON.stringify([...Array(17).keys()].map(String))}`), '/tags', /16/],
  'a name that is too long': [spec(`"name": "${'x'.repeat(129)}"`), '/name', /128/],
  'an unknown dataset': [spec('').replace('fashion-mnist', 'mnist'), '/dataset', /fashion-mnist, cifar-10/],
  'a path as dataset': [spec('').replace('fashion-mnist', '../../etc/passwd'), '/dataset', /word/],
  'a dataset that is not here': [spec('').replace('fashion-mnist', 'cifar-10'), '/dataset', /cifar-10-batches-bin.*; to get the dataset: .*cifar-10-binary\.tar\.gz/],
};
for (const [name, [body, pointer, part]] of Object.entries(faulty)) {
  test(`faulty: ${name}`, async () => {
    const answer = await server.post('/v1/jobs', body);
    assertProblem(answer, 422, 'invalid_spec', part);
    assert.equal(answer.json.errors[0].pointer, pointer, answer.text);
  });
}

test('all faults of a spec are told at once', async () => {
  const answer = await server.post('/v1/jobs', {
    dataset: 'nothing', epochs: 0, eta: -1, lambda: 'a', momentum: 2, depth: 1000, hidden: [0, 1, 1e9], seed: -1,
    decay: { every: 0, factor: 2 }, init: { kind: 'zeros' }, normalize: 'min-max', shuffle: 'yes', tags: 'a', bath_size: 1,
  });
  assertProblem(answer, 422, 'invalid_spec');
  assert.deepEqual(answer.json.errors.map(({ pointer }) => pointer).sort(), [
    '/bath_size', '/dataset', '/decay/every', '/decay/factor', '/depth', '/epochs', '/eta', '/hidden/0', '/hidden/2',
    '/init/kind', '/lambda', '/momentum', '/normalize', '/seed', '/shuffle', '/tags']);
});

test('of very many faults the first are told', async () => {
  const fields = Array.from({ length: 30_000 }, (_, i) => `"f${i}": 1`).join();
  const answer = await server.post('/v1/jobs', spec(fields));
  assertProblem(answer, 422, 'invalid_spec', /30000 faults/);
  assert.ok(answer.json.errors.length >= 32 && answer.text.length < 20_000);
});

test('cancel takes no body but an empty object', async () => {
  const path = `/v1/jobs/${bystander.id}/cancel`;
  for (const body of ['{"a": 1}', '[]', 'null']) assertProblem(await server.post(path, body), 400, 'bad_request', /empty/);
  assertProblem(await server.post(path, 'now'), 400, 'not_json');
  assertProblem(await server.post(path, '{}', { type: 'text/plain' }), 415, 'unsupported_media_type');
  assert.equal((await server.job(bystander.id)).cancel_requested, false);
});

test('a network that does not fit into memory is refused with the figures', async () => {
  const answer = await server.post('/v1/jobs', spec('').replace('[8]', '[65536, 65536, 65536, 65536]'));
  assertProblem(answer, 422, 'invalid_spec', /takes \d+ MiB .* may take \d+ MiB/);
  assert.equal(answer.json.errors[0].pointer, '/hidden');
});

test('a body over 1 MiB is refused, announced or not', async () => {
  const large = Buffer.alloc((1 << 20) + 1, ' ');
  assertProblem(await server.post('/v1/jobs', large), 413, 'too_large');
  assertProblem(await server.post('/v1/jobs', large, { headers: { 'Transfer-Encoding': 'chunked' } }), 413, 'too_large');
  const claimed = await server.raw('POST /v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n' +
    'Content-Length: 99999999999\r\n\r\n');
  assert.match(claimed, /^HTTP\/1\.1 413/);
  const most = Buffer.from(spec('').padEnd(1 << 20));
  assert.equal((await server.post('/v1/jobs?dry_run=true', most)).status, 200);
});

test('other media types are refused', async () => {
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/jsonp', null]) {
    assertProblem(await server.post('/v1/jobs', spec(''), { type }), 415, 'unsupported_media_type');
  }
  assertProblem(await server.request('POST', '/v1/jobs'), 415, 'unsupported_media_type');
  assertProblem(await server.post('/v1/jobs', spec(''), { headers: { 'Content-Encoding': 'gzip' } }), 415, 'unsupported_media_type');
  assert.equal((await server.post('/v1/jobs?dry_run=true', spec(''), { type: 'Application/JSON; charset=UTF-8' })).status, 200);
});

test('wrong methods are told the right ones', async () => {
  const id = bystander.id;
  const routes = {
    '/v1/jobs': 'POST, GET, HEAD, OPTIONS', [`/v1/jobs/${id}`]: 'GET, HEAD, DELETE, OPTIONS',
    [`/v1/jobs/${id}/history`]: 'GET, HEAD, OPTIONS', [`/v1/jobs/${id}/cancel`]: 'POST, OPTIONS',
    '/v1/datasets': 'GET, HEAD, OPTIONS', '/v1/datasets/cifar-10': 'GET, HEAD, OPTIONS', '/v1/system': 'GET, HEAD, OPTIONS',
    '/healthz': 'GET, HEAD, OPTIONS', '/readyz': 'GET, HEAD, OPTIONS', '/openapi.yaml': 'GET, HEAD, OPTIONS', '/': 'GET, HEAD, OPTIONS',
  };
  for (const [path, allow] of Object.entries(routes)) {
    const answer = await server.request('PATCH', path);
    assertProblem(answer, 405, 'method_not_allowed');
    assert.equal(answer.headers.allow, allow);
    const options = await server.request('OPTIONS', path);
    assert.equal(options.status, 204);
    assert.equal(options.headers.allow, allow);
    if (allow.includes('HEAD')) {
      const head = await server.request('HEAD', path);
      assert.equal(head.status, 200);
      assert.equal(head.text, '');
      assert.ok(Number(head.headers['content-length']) > 0);
    }
  }
});

test('unknown paths and ids are not found', async () => {
  for (const path of ['/nothing', '/v1', '/v1/', '/v1/jobs/', '/v1/jobs//history', '/V1/jobs', '/v2/jobs']) {
    assertProblem(await server.get(path), 404, 'unknown_route');
  }
  for (const id of ['x', '0', '-1', '01a20895-087d-7000-b955-619e8d60abf1', `${bystander.id}x`, 'x'.repeat(64), "'; DROP TABLE job; --"]) {
    assertProblem(await server.get(`/v1/jobs/${encodeURIComponent(id)}`), 404, 'not_found');
  }
  assertProblem(await server.get('/v1/datasets/nothing'), 404, 'not_found', /fashion-mnist/);
});

test('paths lead nowhere else', async () => {
  for (const path of ['/../etc/passwd', '/v1/datasets/..%2f..%2fetc%2fpasswd', '/v1/datasets/%2e%2e', '/%00', '/v1/jobs/%00', '//v1/jobs']) {
    const answer = await server.raw(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`);
    assert.match(answer, /^HTTP\/1\.1 (400|404)/, path);
    assert.doesNotMatch(answer, /root:/);
  }
});

test('wrong queries are refused, naming the parameter', async () => {
  for (const query of ['limit=0', 'limit=201', 'limit=x', 'limit=1&limit=2', 'state=done', 'state=', 'state=queued,', 'cursor=x', 'tag=', 'page=2',
    'dataset=..', `limit=${'9'.repeat(1000)}`, Array.from({ length: 40 }, (_, i) => `a${i}=1`).join('&')]) {
    assertProblem(await server.get(`/v1/jobs?${query}`), 400, 'invalid_query');
  }
  assertProblem(await server.get(`/v1/jobs/${bystander.id}/history?since_epoch=-1`), 400, 'invalid_query', /since_epoch/);
  assertProblem(await server.post('/v1/jobs?dry_run=maybe', spec('')), 400, 'invalid_query', /dry_run/);
  assertProblem(await server.get('/healthz?deep=true'), 400, 'invalid_query', /deep/);
});

test('what is not HTTP ends its connection only', async () => {
  const chunked = 'POST /v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n';
  const attacks = {
    'a TLS greeting': Buffer.from('160301020001000001fc0303', 'hex'),
    'noise': Buffer.alloc(4096, 0xa5),
    'another protocol': 'EHLO example.org\r\n\r\n',
    'HTTP/2': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    'a proxy request': 'GET http://127.0.0.1/ HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n',
    'a tunnel': 'CONNECT 127.0.0.1:80 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n',
    'all of it': 'OPTIONS * HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n',
    'a chunk that is no number': `${chunked}zz\r\n{}\r\n0\r\n\r\n`,
    'a chunk beyond all numbers': `${chunked}ffffffffffffffffff\r\n{}\r\n0\r\n\r\n`,
    'a blank before the colon': 'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A : b\r\n\r\n',
    'a name that only starts like ours': 'GET / HTTP/1.1\r\nHost: 127.0.0.1.evil.example\r\n\r\n',
    'an endless line': `GET /${'a'.repeat(100_000)} HTTP/1.1\r\n\r\n`,
    'endless headers': `GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n${'X-A: b\r\n'.repeat(20_000)}\r\n`,
    'two lengths': 'POST /v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}',
    'length and chunks': 'POST /v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    'a negative length': 'POST /v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n',
    'an unknown coding': 'POST /v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: xchunked\r\n\r\n',
    'two hosts': 'GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: example.org\r\n\r\n',
    'no host': 'GET / HTTP/1.1\r\n\r\n',
    'somebody else\'s name': 'GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n',
  };
  for (const [name, bytes] of Object.entries(attacks)) {
    const answer = await server.raw(bytes);
    assert.ok(answer === '' || /^HTTP\/1\.[01] (400|411|413|414|421|431|501|505)/.test(answer), `${name}: ${answer.slice(0, 200)}`);
    assert.equal((await server.get('/healthz')).status, 200, name);
  }
});

test('clients that dawdle or hang up do not hold up others', async () => {
  const sockets = [];
  for (let i = 0; i < 200; i++) {
    const socket = net.connect(server.port, '127.0.0.1');
    socket.on('error', () => {});
    if (i % 4 !== 0) socket.write('POST /v1/jobs HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n');
    if (i % 4 === 2) socket.write('Content-Length: 100\r\n\r\n{"data');
    if (i % 4 === 3) setTimeout(() => socket.resetAndDestroy(), 20);
    sockets.push(socket);
  }
  await sleep(100);
  const started = Date.now();
  assert.equal((await server.get('/healthz')).status, 200);
  assert.ok(Date.now() - started < 2000 * slow);
  assert.equal((await server.post('/v1/jobs?dry_run=true', spec(''))).status, 200);
  for (const socket of sockets) socket.destroy();
});
