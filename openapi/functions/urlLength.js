// Server url + path stay within `max` characters for every pair of the two.
export default (root, { max }) =>
  Object.keys(root.paths ?? {})
    .filter((path) => (root.servers ?? []).some(({ url }) => String(url).length + path.length > max))
    .map((path) => ({ message: `an address longer than ${max} characters`, path: ['paths', path] }));
