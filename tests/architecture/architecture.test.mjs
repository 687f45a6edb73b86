// The house as it was drawn: who includes whom, who links what, and what no file may say.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { checkFile, checkLinks, linesMost, stripped } from './rules.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));

function* filesBelow(folder) {
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) yield* filesBelow(path); else yield path;
  }
}

const program = ['core', 'api', 'server'].flatMap((folder) => [...filesBelow(folder)]);
const read = (path) => readFileSync(join(root, path), 'utf8');

test('files keep to their folders and to the rules', () => {
  const sources = program.filter((path) => /\.[ch]$/.test(path));
  assert.ok(sources.length > 80);
  assert.deepEqual(sources.flatMap((path) => checkFile(path, read(path))), []);
});

test('targets link only what their folder may know', () => {
  const lists = program.filter((path) => path.endsWith('CMakeLists.txt'));
  assert.ok(lists.length >= 7);
  assert.deepEqual(lists.flatMap((path) => checkLinks(read(path))), []);
});

test('tests keep to the length of files', () => {
  const long = [...filesBelow('tests')].filter((path) => /\.(c|h|mjs)$/.test(path))
    .filter((path) => read(path).split('\n').length - 1 > linesMost + 100);
  assert.deepEqual(long, []);
});

const bad = {
  'an include upwards': ['core/nn/x.c', '#include "api/http.h"\n', /core\/nn includes api/],
  'a sideways include': ['core/data/x.c', '#include "core/nn/bank.h"\n', /core\/data includes/],
  'core that knows JSON': ['core/jobs/x.c', '#include <jansson.h>\n', /jansson/],
  'an api that knows HTTP': ['api/x.c', '  # include <microhttpd.h>\n', /microhttpd/],
  'a handler that knows SQL': ['api/x.c', '#include <sqlite3.h>\n', /sqlite3/],
  'a trainer that knows BLAS': ['core/nn/trainer.c', '#include <cblas.h>\n', /cblas/],
  'a path that is not from the root': ['api/x.c', '#include "../core/base/id.h"\n', /root/],
  'a header beside the file': ['api/x.c', '#include "http.h"\n', /no folder/],
  'goto': ['server/x.c', 'void f(void) { goto end; end:; }\n', /goto/],
  'a call without a limit': ['server/x.c', 'void f(char *a) { strcpy(a, "b"); }\n', /strcpy/],
  'core that prints': ['core/jobs/x.c', 'void f(void) { printf("x"); }\n', /core/],
  'core that writes to stderr': ['core/jobs/x.c', 'void f(void) { fprintf(stderr, "x"); }\n', /core/],
  'core that writes to descriptor 2': ['core/jobs/x.c', 'void f(void) { dprintf(2, "x"); }\n', /core/],
  'a folder of its own': ['core/extra/x.c', '', /do not know/],
  'core that exits': ['core/jobs/x.c', 'void f(void) { exit(1); }\n', /core/],
  'a file that is too long': ['api/x.c', '\n'.repeat(linesMost + 1), /lines/],
};
for (const [name, [path, source, expected]] of Object.entries(bad)) {
  test(`the rules find ${name}`, () => { assert.match(checkFile(path, source).join('\n'), expected); });
}

test('the rules find links', () => {
  assert.deepEqual(checkLinks('target_link_libraries(epochd_base PUBLIC epochd_nn)'), ['epochd_base links epochd_nn']);
  assert.deepEqual(checkLinks('target_link_libraries(epochd_server PRIVATE\n  PkgConfig::JANSSON m)'), ['epochd_server links JANSSON']);
  assert.deepEqual(checkLinks('target_link_libraries(epochd_nn PRIVATE jansson)'), ['epochd_nn links jansson']);
  assert.deepEqual(checkLinks('target_link_libraries(epochd_new PRIVATE epochd_base)'), ['epochd_new links epochd_base']);
  assert.match(checkLinks('link_libraries(jansson)').join(), /all targets/);
  assert.deepEqual(checkLinks('target_link_libraries(epochd_api PUBLIC epochd_flags epochd_jobs PRIVATE PkgConfig::JANSSON)'), []);
});

test('the rules do not mind words in comments and texts', () => {
  const source = '/* goto printf( */\n// exit(1)\nconst char *t = "goto \\" exit(1)";\nint snprintf(void);\n';
  assert.deepEqual(checkFile('core/jobs/x.c', source), []);
  assert.equal(stripped(source).split('\n').length, source.split('\n').length);
});
