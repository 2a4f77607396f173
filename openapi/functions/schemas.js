// One named check over every schema of the document (`resolved: false`, `given: $`).
import { deref, eachSchema } from './lib.js';

const SNAKE_CASE = /^[a-z][a-z0-9]*(_[a-z0-9]+)*$/;
const NAMED = /^#\/components\/schemas\/[^/]+$/;
const types = (schema) => [schema?.type].flat();

const checks = {
  noAnyOf: (schema) => ('anyOf' in schema ? ['anyOf is an untagged union; use oneOf with a discriminator'] : []),

  noAllOf: (schema) => ('allOf' in schema ? ['allOf is inheritance; write the object flat'] : []),

  // Either a nullable reference or a tagged union of named variants; nothing in between.
  union(schema, root) {
    if (!Array.isArray(schema.oneOf)) return [];
    const entries = schema.oneOf;
    if (entries.some((entry) => types(entry).includes('null'))) {
      const exact = entries.length === 2 && entries.some((e) => e.type === 'null') && entries.some((e) => NAMED.test(e.$ref));
      return exact ? [] : ['a nullable reference is oneOf of exactly {"type": "null"} and one named schema'];
    }
    const { propertyName: tag, mapping = {} } = schema.discriminator ?? {};
    if (!tag) return ['oneOf needs a discriminator with propertyName'];
    const faults = entries.flatMap(({ $ref }) => {
      if (!NAMED.test($ref)) return ['every variant of a tagged union is a named schema'];
      const variant = deref(root, { $ref });
      const value = variant?.properties?.[tag]?.const;
      if (typeof value !== 'string') return [`${$ref} has no const for its tag "${tag}"`];
      if (!variant.required?.includes(tag)) return [`${$ref} does not require its tag "${tag}"`];
      return mapping[value] === $ref ? [] : [`discriminator.mapping does not lead "${value}" to ${$ref}`];
    });
    const surplus = Object.keys(mapping).length > entries.length;
    return surplus ? [...faults, 'discriminator.mapping names a variant that oneOf does not'] : faults;
  },

  integer(schema) {
    if (!types(schema).includes('integer')) return [];
    const limits = ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'default'];
    return [
      ...(['int32', 'int64'].includes(schema.format) ? [] : ['an integer has format int32 or int64']),
      ...limits.filter((key) => Math.abs(schema[key]) > 2 ** 53).map((key) => `${key} is beyond 2^53`),
    ];
  },

  // `nullable` is OpenAPI 3.0 and means nothing in 3.1, so it is refused everywhere.
  neverNull(schema, root) {
    const closed = (candidate) => ['array', 'boolean'].some((type) => types(candidate).includes(type));
    const faults = 'nullable' in schema ? ['nullable is not a keyword of OpenAPI 3.1'] : [];
    if (types(schema).includes('null') && closed(schema)) faults.push('an array or boolean is never null');
    if (schema.oneOf?.some?.((e) => e.type === 'null') && schema.oneOf.some((e) => closed(deref(root, e)))) {
      faults.push('an array or boolean is never null, not by reference either');
    }
    return faults;
  },

  // Values of header fields belong to their RFCs (no-store, keep-alive) and are left alone.
  enumCase(schema, root, inHeader) {
    if (inHeader) return [];
    const values = [...(Array.isArray(schema.enum) ? schema.enum : []), schema.const];
    return values.filter((v) => typeof v === 'string' && !SNAKE_CASE.test(v)).map((v) => `"${v}" is not snake_case`);
  },
};

export default (root, { check }) => {
  const results = [];
  eachSchema(root, (schema, path, inHeader) => {
    for (const message of checks[check](schema, root, inHeader)) results.push({ message, path });
  });
  return results;
};
