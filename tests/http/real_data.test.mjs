// The report's networks on the real images, over HTTP. Skipped where the images are not.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Server } from './harness.mjs';

const data = process.env.EPOCHD_DATA;
const cifar = data !== undefined && existsSync(join(data, 'cifar-10-batches-bin'));
const fashion = [data, '/usr/share/datasets'].some((folder) => folder !== undefined && existsSync(join(folder, 'fashion-mnist')));

async function train(spec) {
  const server = await Server.start({ data });
  try {
    const { id } = await server.create(spec);
    const job = await server.untilState(id, 'succeeded');
    return job.result.accuracy_test;
  } finally {
    await server.stop();
  }
}

// data_batch_1 is the first 10 000 training images, data_batch_2 the next.
const table1 = {
  dataset: 'cifar-10', train_size: 10000, validation_size: 10000, batch_norm: true, eta: 0.02, lambda: 2.0309e-8, epochs: 10,
};

test('CIFAR-10: three layers of 50 and 30 reach 40 %', { skip: !cifar && 'skipped: no cifar-10-batches-bin in EPOCHD_DATA' }, async (context) => {
  const accuracy = await train({ ...table1, hidden: [50, 30] });
  context.diagnostic(`test accuracy ${accuracy}`);
  assert.ok(accuracy >= 0.40, `${accuracy}`);
});

test('CIFAR-10: two layers reach 42 %', { skip: !cifar && 'skipped: no cifar-10-batches-bin in EPOCHD_DATA' }, async (context) => {
  const accuracy = await train({ ...table1, hidden: [50] });
  context.diagnostic(`test accuracy ${accuracy}`);
  assert.ok(accuracy >= 0.42, `${accuracy}`);
});

test('Fashion-MNIST: three layers reach 85 %', { skip: !fashion && 'skipped: no fashion-mnist here' }, async (context) => {
  const accuracy = await train({ dataset: 'fashion-mnist', depth: 3, epochs: 3 });
  context.diagnostic(`test accuracy ${accuracy}`);
  assert.ok(accuracy >= 0.85, `${accuracy}`);
});
