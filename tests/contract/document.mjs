// openapi.yaml, read: its operations, what its references lead to, and whether an answer is as it says.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { faultsOf } from './schema.mjs';

const yaml = createRequire(import.meta.url)('js-yaml');
export const contract = yaml.load(readFileSync(new URL('../../openapi.yaml', import.meta.url), 'utf8'));

export const lookUp = (reference) => reference.slice(2).split('/').reduce((at, part) => at?.[part], contract);
export const resolve = (node) => (node.$ref ? { ...lookUp(node.$ref), ...node } : node);

const methods = ['get', 'post', 'put', 'patch', 'delete', 'head', 'options'];

// All operations, each with its path and method, and with the parameters of its path among its own.
export const operations = Object.entries(contract.paths).flatMap(([path, item]) => methods.filter((method) => item[method])
  .map((method) => ({ path, method, ...item[method], parameters: [...(item.parameters ?? []), ...(item[method].parameters ?? [])].map(resolve) })));

// Faults of a value by one of the schemas of the contract.
export const schemaFaults = (schema, value) => faultsOf(schema, value, lookUp);

function* nodes(node, path, isMap) {
  yield [path, node, isMap];
  if (node && typeof node === 'object') {
    for (const [key, value] of Object.entries(node)) {
      if (key !== 'example' && key !== 'examples' || isMap) yield* nodes(value, `${path}/${key}`, key === 'properties' && !isMap);
    }
  }
}

// All examples and defaults as [path, schema, value].
export function* examples() {
  for (const [path, node, isMap] of nodes(contract, '', false)) {
    if (!node || typeof node !== 'object' || isMap) continue;
    if ('default' in node && ('type' in node || '$ref' in node)) yield [`${path}/default`, node, node.default];
    for (const [i, value] of Array.isArray(node.examples) ? node.examples.entries() : []) yield [`${path}/examples/${i}`, node, value];
    if (node.schema && 'example' in node) yield [`${path}/example`, node.schema, node.example];
    if (node.schema) for (const [name, { value }] of Object.entries(node.examples ?? {})) yield [`${path}/examples/${name}`, node.schema, value];
  }
}

const pattern = (path) => new RegExp(`^${path.replace(/[.]/g, '\\.').replace(/\{\w+\}/g, '[^/]{1,64}')}$`);

function bodyFaults(response, { headers, text, json }) {
  if (!response.content) return text === '' ? [] : ['there must be no body'];
  const type = headers['content-type'];
  if (!(type in response.content)) return [`${type} is none of ${Object.keys(response.content)}`];
  return json === undefined ? [] : schemaFaults(response.content[type].schema, json);
}

// What in an answer {status, headers, text, json} to a request is not as the contract says.
export function answerFaults(method, target, answer) {
  const path = target.replace(/\?.*/s, '');
  const known = operations.filter((operation) => pattern(operation.path).test(path));
  const own = known.find((operation) => operation.method.toUpperCase() === method);
  if (!own && answer.status < 400) {
    const fine = known.length > 0 && (method === 'OPTIONS' || (method === 'HEAD' && known.some((operation) => operation.method === 'get')));
    return fine && answer.text === '' ? [] : ['is not in the contract'];
  }
  if (method === 'HEAD') return answer.text === '' ? [] : ['HEAD must have no body'];
  const responses = own?.responses ?? known[0]?.responses ?? { default: { $ref: '#/components/responses/Refused' } };
  const response = resolve(responses[answer.status] ?? responses.default);
  const missing = Object.entries(response.headers ?? {}).filter(([name, header]) => header.required && !(name.toLowerCase() in answer.headers))
    .map(([name]) => `${name} is missing`);
  const wrong = answer.json?.status !== undefined && answer.json.title !== undefined && answer.json.status !== answer.status ? ['status differs'] : [];
  return [...missing, ...wrong, ...bodyFaults(response, answer)];
}
