// One named check over the responses of every operation (`resolved: false`, `given: $`).
import { deref, eachOperation } from './lib.js';

const PROBLEM = '#/components/schemas/Problem';
const HEADERS = {
  201: 'Location',
  202: 'Location',
  401: 'WWW-Authenticate',
  405: 'Allow',
  429: 'Retry-After',
  503: 'Retry-After',
};

const checks = {
  // A client gets one type back, whichever 2xx it is.
  oneSuccessBody(responses) {
    const bodies = responses
      .filter(([status]) => status.startsWith('2'))
      .map(([, response]) => response?.content?.['application/json']?.schema)
      .filter(Boolean);
    const distinct = new Set(bodies.map((schema) => schema.$ref ?? JSON.stringify(schema)));
    return distinct.size > 1 ? [[[], `several success bodies: ${[...distinct].join(', ')}`]] : [];
  },

  // An answer to HEAD has no body, so it is left out.
  problem(responses, method) {
    return responses
      .filter(([status]) => method !== 'head' && /^([45]|default$)/.test(status))
      .filter(([, response]) => response?.content?.['application/problem+json']?.schema?.$ref !== PROBLEM)
      .map(([status]) => [[status], `application/problem+json with a $ref to ${PROBLEM} is missing`]);
  },

  headers(responses) {
    return responses
      .filter(([status, response]) => {
        // A 202 leads to the job that it began; one that only puts a mail on its way shows nothing and has none.
        if (status === '202' && !response?.content) return false;
        const names = Object.keys(response?.headers ?? {}).map((name) => name.toLowerCase());
        return HEADERS[status] && !names.includes(HEADERS[status].toLowerCase());
      })
      .map(([status]) => [[status], `${status} is sent with the header ${HEADERS[status]}`]);
  },
};

export default (root, { check }) => {
  const results = [];
  eachOperation(root, (operation, path, method) => {
    const responses = Object.entries(operation.responses ?? {}).map(([status, r]) => [status, deref(root, r)]);
    for (const [at, message] of checks[check](responses, method)) {
      results.push({ message, path: [...path, 'responses', ...at] });
    }
  });
  return results;
};
