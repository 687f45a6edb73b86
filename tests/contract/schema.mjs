// The part of JSON Schema 2020-12 that the contract uses. A keyword that is not here is an error, not ignored.
import { isDeepStrictEqual } from 'node:util';

const typeOf = (value) => (value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value);
const isOfType = (type, value) => (type === 'integer' ? Number.isInteger(value) : type === typeOf(value));
const isObject = (value) => typeOf(value) === 'object';

const formats = {
  'date-time': /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/,
  'uri-reference': /^[\w\-.~:/?#[\]@!$&'()*+,;=%]*$/,
};

// Each gives faults as [path, words] for a value that it does not allow.
const keywords = {
  type: (types, value) => ([types].flat().some((type) => isOfType(type, value)) ? [] : [['', `is not ${types}`]]),
  const: (only, value) => (isDeepStrictEqual(only, value) ? [] : [['', `is not ${only}`]]),
  enum: (some, value) => (some.includes(value) ? [] : [['', `is none of ${some}`]]),
  minimum: (least, value) => (typeof value !== 'number' || value >= least ? [] : [['', `is below ${least}`]]),
  exclusiveMinimum: (least, value) => (typeof value !== 'number' || value > least ? [] : [['', `is not above ${least}`]]),
  maximum: (most, value) => (typeof value !== 'number' || value <= most ? [] : [['', `is above ${most}`]]),
  minLength: (least, value) => (typeof value !== 'string' || [...value].length >= least ? [] : [['', 'is too short']]),
  maxLength: (most, value) => (typeof value !== 'string' || [...value].length <= most ? [] : [['', 'is too long']]),
  pattern: (form, value) => (typeof value !== 'string' || new RegExp(form, 'u').test(value) ? [] : [['', `is not like ${form}`]]),
  format: (name, value) => (typeof value !== 'string' || formats[name].test(value) ? [] : [['', `is not a ${name}`]]),
  maxItems: (most, value) => (!Array.isArray(value) || value.length <= most ? [] : [['', `has more than ${most} items`]]),
  uniqueItems: (on, value) => (!Array.isArray(value) || new Set(value).size === value.length ? [] : [['', 'repeats an item']]),
  maxProperties: (most, value) => (!isObject(value) || Object.keys(value).length <= most ? [] : [['', `has more than ${most} members`]]),
  required: (names, value) => (isObject(value) ? names.filter((name) => !Object.hasOwn(value, name)).map((name) => [`/${name}`, 'is missing']) : []),
  items: (schema, value, check) => (Array.isArray(value) ? value.flatMap((item, i) => below(i, check(schema, item))) : []),
  properties: (schemas, value, check) => (isObject(value)
    ? Object.keys(schemas).filter((name) => Object.hasOwn(value, name)).flatMap((name) => below(name, check(schemas[name], value[name])))
    : []),
  additionalProperties: (schema, value, check, all) => (isObject(value)
    ? Object.keys(value).filter((name) => !Object.hasOwn(all.properties ?? {}, name))
      .flatMap((name) => below(name, schema === false ? [['', 'is not allowed']] : check(schema, value[name])))
    : []),
  anyOf: (schemas, value, check) => {
    const faults = schemas.map((schema) => check(schema, value));
    return faults.some((list) => list.length === 0) ? [] : faults.flat();
  },
};
const annotations = new Set(['description', 'default', 'examples']);

const below = (name, faults) => faults.map(([path, words]) => [`/${name}${path}`, words]);

// Faults of `value` as lines, each with the place; `lookUp` gives what a $ref leads to.
export function faultsOf(schema, value, lookUp) {
  const check = (part, at) => Object.entries(part).flatMap(([keyword, argument]) => {
    if (annotations.has(keyword)) return [];
    if (keyword === '$ref') return check(lookUp(argument), at);
    if (!Object.hasOwn(keywords, keyword)) throw new Error(`${keyword} is not a keyword that is checked here`);
    return keywords[keyword](argument, at, check, part);
  });
  return check(schema, value).map(([path, words]) => `${path || '/'} ${words}`);
}
