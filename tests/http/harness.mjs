// Real server processes, requests to them, and small datasets to train on.
import { spawn } from 'node:child_process';
import { mkdtempSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { answerFaults } from '../contract/document.mjs';

export const binary = process.env.EPOCHD_BINARY;
if (!binary) throw new Error('EPOCHD_BINARY must name the epochd to test');

// Builds with sanitizers are several times slower: everything that waits is multiplied by this.
export const slow = Number(process.env.EPOCHD_TEST_SLOW ?? 1);
const patience = 30_000 * slow;

export { sleep };

const folders = [];
const servers = new Set();

export function makeFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'epochd-http-'));
  folders.push(folder);
  return folder;
}

// Whatever a test leaves behind goes when its process ends.
process.on('exit', () => {
  for (const server of servers) server.process.kill('SIGKILL');
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

export const trainCount = 60_000;
export const testCount = 10_000;
const features = 28 * 28;

function idxImages(count, salt) {
  const bytes = Buffer.alloc(16 + count * features);
  [0x803, count, 28, 28].forEach((number, i) => bytes.writeUInt32BE(number, 4 * i));
  let noise = salt;
  for (let i = 0, at = 16; i < count; i++) {
    const label = labelOf(i);
    for (let f = 0; f < features; f += 4, at += 4) {
      noise = (Math.imul(noise, 1664525) + 1013904223) >>> 0;
      bytes[at] = noise >>> 26;
      bytes[at + 1] = (f >> 2) % 10 === label ? 200 : 0;
    }
  }
  return bytes;
}

const labelOf = (image) => ((image * 7) % 13) % 10;

function idxLabels(count) {
  const bytes = Buffer.alloc(8 + count);
  bytes.writeUInt32BE(0x801, 0);
  bytes.writeUInt32BE(count, 4);
  for (let i = 0; i < count; i++) bytes[8 + i] = labelOf(i);
  return bytes;
}

// A data folder whose fashion-mnist has the real shape and made-up images that are learned at once.
export function makeData() {
  const folder = makeFolder();
  const set = join(folder, 'fashion-mnist');
  mkdirSync(set);
  writeFileSync(join(set, 'train-images-idx3-ubyte'), idxImages(trainCount, 1));
  writeFileSync(join(set, 'train-labels-idx1-ubyte'), idxLabels(trainCount));
  writeFileSync(join(set, 't10k-images-idx3-ubyte'), idxImages(testCount, 2));
  writeFileSync(join(set, 't10k-labels-idx1-ubyte'), idxLabels(testCount));
  return folder;
}

const recordBytes = 1 + 3 * 32 * 32;

// A data folder whose cifar-10 has the real shape and made-up images; all its files are one, seen six times.
export function makeCifar() {
  const folder = makeFolder();
  const set = join(folder, 'cifar-10-batches-bin');
  mkdirSync(set);
  const bytes = Buffer.alloc(10_000 * recordBytes, 20);
  for (let i = 0; i < 10_000; i++) {
    const label = labelOf(i);
    bytes[i * recordBytes] = label;
    bytes.fill(200 + (i % 50), i * recordBytes + 1 + 300 * label, i * recordBytes + 301 + 300 * label);
  }
  writeFileSync(join(set, 'data_batch_1.bin'), bytes);
  for (const name of ['data_batch_2', 'data_batch_3', 'data_batch_4', 'data_batch_5', 'test_batch']) {
    symlinkSync(join(set, 'data_batch_1.bin'), join(set, `${name}.bin`));
  }
  return folder;
}

// A spec that takes some milliseconds.
export const brief = {
  dataset: 'fashion-mnist', train_size: 500, validation_size: 100, hidden: [8], epochs: 3, batch_size: 10,
};

// One that takes minutes.
export const endless = { ...brief, train_size: 5000, epochs: 10000 };

// One whose weights grow by 1 − 2·eta·lambda in each step.
export const diverging = { ...brief, eta: 10, lambda: 100, epochs: 50 };

function waitForExit(child) {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) {
      resolve({ code: child.exitCode, signal: child.signalCode });
    } else {
      child.once('exit', (code, signal) => resolve({ code, signal }));
    }
  });
}

// A sanitizer's report fails the test even where nobody looks at the exit code.
function refuseReports(stderr) {
  if (/Sanitizer|runtime error:/.test(stderr)) throw new Error(`the program has a fault: ${stderr.slice(-4000)}`);
}

// Runs the program to its end.
export async function run(args, { input, env = {}, cwd, signalAfter } = {}) {
  const child = spawn(binary, args, { env: cleanEnvironment(env), cwd });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (text) => { stdout += text; });
  child.stderr.on('data', (text) => {
    stderr += text;
    if (signalAfter && stderr.includes(signalAfter.text)) {
      child.kill(signalAfter.signal);
      signalAfter = undefined; // a second signal would end the program at once
    }
  });
  child.stdin.on('error', () => {});
  child.stdin.end(input ?? '');
  const timer = setTimeout(() => child.kill('SIGKILL'), patience * 2);
  const closed = new Promise((resolve) => { child.once('close', resolve); });
  const { code, signal } = await waitForExit(child);
  await closed;
  clearTimeout(timer);
  refuseReports(stderr);
  return { code, signal, stdout, stderr };
}

// The settings of whoever runs the tests must not reach the program.
function cleanEnvironment(more) {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('EPOCHD_'));
  return { ...Object.fromEntries(kept), ...more };
}

export class Server {
  // Starts a server on a free port and waits until it listens.
  static async start({ data, state = makeFolder(), args = [], env = {} } = {}) {
    const server = new Server();
    server.state = state;
    server.stderr = '';
    const all = ['serve', '--listen', '127.0.0.1:0', '--state', state, ...(data ? ['--data', data] : []), ...args];
    server.process = spawn(binary, all, { env: cleanEnvironment(env), stdio: ['ignore', 'ignore', 'pipe'] });
    servers.add(server);
    // A test that failed may leave a server; it must not keep the tests from ending.
    server.process.unref();
    server.process.stderr.unref();
    server.closed = new Promise((resolve) => { server.process.once('close', resolve); });
    server.exited = waitForExit(server.process).then((end) => { servers.delete(server); return end; });
    server.port = await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no port: ${server.stderr}`)), patience);
      server.process.stderr.on('data', (text) => {
        server.stderr += text;
        const found = /listening on http:\/\/127\.0\.0\.1:(\d+)/.exec(server.stderr);
        if (found) { clearTimeout(timer); resolve(Number(found[1])); }
      });
      server.exited.then(({ code }) => { clearTimeout(timer); reject(new Error(`exit ${code}: ${server.stderr}`)); });
    });
    server.agent = new http.Agent({ keepAlive: true, timeout: 10_000 });
    return server;
  }

  // Sends a request and reads the whole answer, which must be as the contract says; `json` is its body when it is JSON.
  request(method, path, { body, type = 'application/json', headers = {} } = {}) {
    const text = body === undefined || typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
    const all = { ...headers };
    if (text !== undefined && type) all['Content-Type'] = type;
    if (text !== undefined && !('Transfer-Encoding' in all)) all['Content-Length'] = Buffer.byteLength(text);
    return new Promise((resolve, reject) => {
      const sent = http.request(
        { host: '127.0.0.1', port: this.port, method, path, headers: all, agent: this.agent, timeout: patience },
        (response) => {
          const pieces = [];
          response.on('data', (piece) => pieces.push(piece));
          response.on('error', reject);
          response.on('end', () => {
            const answer = { status: response.statusCode, headers: response.headers, text: Buffer.concat(pieces).toString() };
            if (/json/.test(response.headers['content-type'] ?? '') && answer.text !== '') answer.json = JSON.parse(answer.text);
            const faults = answerFaults(method, path, answer);
            if (faults.length === 0) resolve(answer);
            else reject(new Error(`not as the contract says: ${method} ${path} ${answer.status}: ${faults}\n${answer.text}`));
          });
        },
      );
      sent.on('error', reject);
      sent.on('timeout', () => sent.destroy(new Error(`no answer to ${method} ${path}`)));
      sent.end(text);
    });
  }

  get(path) { return this.request('GET', path); }

  post(path, body, options) { return this.request('POST', path, { body, ...options }); }

  // POSTs a spec that must be taken; gives the job.
  async create(spec) {
    const answer = await this.post('/v1/jobs', spec);
    if (answer.status !== 202) throw new Error(`${answer.status}: ${answer.text}`);
    return answer.json;
  }

  async job(id) {
    const answer = await this.get(`/v1/jobs/${id}`);
    if (answer.status !== 200) throw new Error(`${answer.status}: ${answer.text}`);
    return answer.json;
  }

  async history(id, since = 0) { return (await this.get(`/v1/jobs/${id}/history?since_epoch=${since}`)).json; }

  // Waits until `reached` is true of the job; gives the job.
  async until(id, reached) {
    const end = Date.now() + patience;
    for (;;) {
      const job = await this.job(id);
      if (reached(job)) return job;
      if (Date.now() > end) throw new Error(`waited too long: ${JSON.stringify(job)}`);
      if (['succeeded', 'failed', 'cancelled'].includes(job.state)) throw new Error(`ended: ${JSON.stringify(job)}`);
      await sleep(10);
    }
  }

  untilState(id, ...states) { return this.until(id, (job) => states.includes(job.state)); }

  // Sends bytes as they are and gives all that comes back until the server closes or `quiet` ms pass.
  raw(bytes, { quiet = 500 * slow, keep = false } = {}) {
    return new Promise((resolve, reject) => {
      const socket = net.connect(this.port, '127.0.0.1');
      let text = '';
      let timer;
      const done = () => { clearTimeout(timer); if (!keep) socket.destroy(); resolve(text); };
      const rest = () => { clearTimeout(timer); timer = setTimeout(done, quiet); };
      socket.on('connect', () => { socket.write(bytes); rest(); });
      socket.on('data', (piece) => { text += piece; rest(); });
      socket.on('close', done);
      socket.on('error', (error) => (error.code === 'ECONNRESET' || error.code === 'EPIPE' ? done() : reject(error)));
    });
  }

  // Ends the process; gives its exit code and signal.
  async stop(signal = 'SIGTERM') {
    this.process.kill(signal);
    const timer = setTimeout(() => this.process.kill('SIGKILL'), patience);
    const end = await this.exited;
    await this.closed;
    this.agent?.destroy();
    clearTimeout(timer);
    refuseReports(this.stderr);
    return end;
  }
}
