// What the server says of datasets that are here, missing, or damaged.
import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readFileSync, symlinkSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { brief, makeCifar, makeData, makeFolder, Server } from './harness.mjs';

const files = ['train-images-idx3-ubyte', 'train-labels-idx1-ubyte', 't10k-images-idx3-ubyte', 't10k-labels-idx1-ubyte'];
let whole;
before(() => { whole = makeData(); });

// A data folder like `whole`, with one file changed.
function changed(name, change) {
  const folder = makeFolder();
  const set = join(folder, 'fashion-mnist');
  mkdirSync(set);
  for (const file of files) {
    const from = join(whole, 'fashion-mnist', file);
    if (file === name) { copyFileSync(from, join(set, file)); change(join(set, file)); } else symlinkSync(from, join(set, file));
  }
  return folder;
}

const overwrite = (at, ...bytes) => (path) => {
  const content = readFileSync(path);
  Buffer.from(bytes).copy(content, at);
  writeFileSync(path, content);
};

async function withServer(data, use) {
  const server = await Server.start({ data });
  try { return await use(server); } finally { await server.stop(); }
}

test('datasets are listed with shapes, classes and counts', () => withServer(whole, async (server) => {
  const { data } = (await server.get('/v1/datasets')).json;
  assert.deepEqual(data.map(({ name }) => name), ['fashion-mnist', 'cifar-10']);
  const [fashion, cifar] = data;
  assert.deepEqual(fashion.shape, { height: 28, width: 28, channels: 1 });
  assert.equal(fashion.features, 784);
  assert.deepEqual(fashion.images, { train: 60000, test: 10000 });
  assert.equal(fashion.classes.length, 10);
  assert.equal(fashion.classes[9], 'Ankle boot');
  assert.ok(fashion.available);
  assert.equal(fashion.fault, null);
  assert.equal(fashion.folder, join(whole, 'fashion-mnist'));
  assert.deepEqual(cifar.shape, { height: 32, width: 32, channels: 3 });
  assert.ok(!cifar.available);
  assert.match(cifar.fault, /cifar-10-batches-bin/);
  assert.match(cifar.remedy, /cifar-10-binary\.tar\.gz/);
  assert.deepEqual((await server.get('/v1/datasets/cifar-10')).json, cifar);
}));

test('files may be compressed', async () => {
  const data = changed(files[0], () => {});
  const path = join(data, 'fashion-mnist', files[1]);
  writeFileSync(`${path}.gz`, gzipSync(readFileSync(path)));
  unlinkSync(path);
  await withServer(data, async (server) => {
    await server.untilState((await server.create(brief)).id, 'succeeded');
  });
});

const damages = {
  'a truncated file of images': [files[0], (path) => truncateSync(path, 1000), /train-images-idx3-ubyte/],
  'a file of images without its last byte': [files[2], (path) => truncateSync(path, 16 + 10000 * 784 - 1), /t10k-images-idx3-ubyte/],
  'an empty file': [files[1], (path) => truncateSync(path, 0), /train-labels-idx1-ubyte/],
  'a byte too many': [files[3], (path) => writeFileSync(path, 'x', { flag: 'a' }), /t10k-labels-idx1-ubyte/],
  'a wrong mark': [files[0], overwrite(2, 9), /train-images-idx3-ubyte/],
  'another number of images': [files[1], overwrite(4, 0, 0, 0, 1), /train-labels-idx1-ubyte/],
  'a label beyond the classes': [files[1], overwrite(8 + 77, 10), /train-labels-idx1-ubyte.*10/],
};
for (const [name, [file, change, part]] of Object.entries(damages)) {
  test(`a spec on a dataset with ${name} is refused, naming the file`, () => withServer(changed(file, change), async (server) => {
    const answer = await server.post('/v1/jobs', brief);
    assert.equal(answer.status, 422, answer.text);
    assert.equal(answer.json.errors[0].pointer, '/dataset');
    assert.match(answer.json.errors[0].detail, part);
    assert.equal((await server.get('/v1/jobs')).json.data.length, 0);
    assert.equal((await server.get('/healthz')).status, 200);
  }));
}

test('a dataset that is repaired can be used without a restart', async () => {
  const data = changed(files[3], (path) => truncateSync(path, 100));
  await withServer(data, async (server) => {
    assert.equal((await server.post('/v1/jobs', brief)).status, 422);
    copyFileSync(join(whole, 'fashion-mnist', files[3]), join(data, 'fashion-mnist', files[3]));
    await server.untilState((await server.create(brief)).id, 'succeeded');
  });
});

test('CIFAR-10 is read in its binary version', async () => {
  const data = makeCifar();
  const spec = { ...brief, dataset: 'cifar-10' };
  const batch = join(data, 'cifar-10-batches-bin', 'data_batch_3.bin');
  await withServer(data, async (server) => {
    assert.ok((await server.get('/v1/datasets/cifar-10')).json.available);
    const job = await server.untilState((await server.create(spec)).id, 'succeeded');
    assert.ok(job.result.accuracy_test > 0.9, `${job.result.accuracy_test}`);
  });
  const refused = (part) => withServer(data, async (server) => {
    const answer = await server.post('/v1/jobs', spec);
    assert.equal(answer.status, 422, answer.text);
    assert.equal(answer.json.errors[0].pointer, '/dataset');
    assert.match(answer.json.errors[0].detail, part);
  });
  const whole = readFileSync(batch);
  unlinkSync(batch);
  await refused(/data_batch_3\.bin/);
  writeFileSync(batch, whole.subarray(0, whole.length - 1));
  await refused(/data_batch_3\.bin/);
  whole[3073 * 5000] = 10;
  writeFileSync(batch, whole);
  await refused(/data_batch_3\.bin.*10/);
});
