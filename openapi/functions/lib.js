// Helpers shared by the functions beside this file. They read the document as written, so a
// `$ref` is still a `$ref` and every schema is visited once.

const METHODS = ['get', 'put', 'post', 'delete', 'patch', 'head', 'options', 'trace'];
const isObject = (node) => typeof node === 'object' && node !== null;

/** Follows a local `$ref` (also a chain of them); anything else is returned as it is. */
export function deref(root, node, depth = 0) {
  if (typeof node?.$ref !== 'string' || depth > 8) return node;
  const keys = node.$ref.replace(/^#\//, '').split('/').map((key) => key.replace(/~1/g, '/').replace(/~0/g, '~'));
  return deref(root, keys.reduce((at, key) => at?.[key], root), depth + 1);
}

/** Calls `visit(operation, path, method)` for every operation under `paths`. */
export function eachOperation(root, visit) {
  for (const [path, item] of Object.entries(root.paths ?? {})) {
    for (const method of METHODS) {
      if (isObject(item?.[method])) visit(item[method], ['paths', path, method], method);
    }
  }
}

const SINGLE = ['items', 'additionalProperties', 'not', 'propertyNames', 'contains', 'if', 'then', 'else'];
const LISTS = ['oneOf', 'anyOf', 'allOf', 'prefixItems'];
const MAPS = ['properties', 'patternProperties', 'dependentSchemas', '$defs'];

function walkSchema(schema, path, inHeader, visit) {
  if (!isObject(schema)) return;
  visit(schema, path, inHeader);
  for (const key of SINGLE) walkSchema(schema[key], [...path, key], inHeader, visit);
  for (const key of [...LISTS, ...MAPS]) {
    for (const [name, child] of Object.entries(schema[key] ?? {})) walkSchema(child, [...path, key, name], inHeader, visit);
  }
}

/**
 * Calls `visit(schema, path, inHeader)` for every schema and subschema: those under
 * `components.schemas` and those that a parameter, header or media type holds. Examples and
 * extensions are data, not schemas, and are passed over.
 */
export function eachSchema(root, visit) {
  for (const [name, schema] of Object.entries(root.components?.schemas ?? {})) {
    walkSchema(schema, ['components', 'schemas', name], false, visit);
  }
  const search = (node, path) => {
    if (!isObject(node)) return;
    for (const [key, child] of Object.entries(node)) {
      if (/^(examples?|x-.*)$/.test(key)) continue;
      const at = [...path, key];
      if (key === 'schema') walkSchema(child, at, node.in === 'header' || path.at(-2) === 'headers', visit);
      else if (at.join() !== 'components,schemas') search(child, at);
    }
  };
  search(root, []);
}
