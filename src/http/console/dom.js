// All text goes in as text: ids are anybody's, and nothing here parses HTML.

const SVG = 'http://www.w3.org/2000/svg';

/** An element with attributes and children; a string child is a text node. */
export function h(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

export function svg(name, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

function fill(element, attributes, children) {
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    if (typeof value === 'function') element.addEventListener(key, value);
    else element.setAttribute(key, value === true ? '' : String(value));
  }
  element.append(...children.flat().filter((child) => child !== undefined));
  return element;
}

/** `OUTCOME_NOT_FOUND` → `not found`. */
export function toWords(value, prefix) {
  return String(value ?? '')
    .replace(prefix, '')
    .replaceAll('_', ' ')
    .toLowerCase();
}

export const OUTCOME_PREFIX = 'OUTCOME_';

const OUTCOME_CLASSES = {
  OUTCOME_ALLOWED: 'good',
  OUTCOME_NOT_FOUND: 'bad',
  OUTCOME_FORBIDDEN: 'bad',
};

export function outcomeBadge(outcome) {
  return h('span', { class: `badge ${OUTCOME_CLASSES[outcome] ?? 'warn'}` }, toWords(outcome, OUTCOME_PREFIX));
}

/** `user:alice`, and what is asked about, from a CheckTaskRequest. */
export function formatPrincipal({ principal = {} } = {}) {
  if (principal.userId !== undefined) return `user:${principal.userId}`;
  if (principal.serviceAccountId !== undefined) return `service_account:${principal.serviceAccountId}`;
  return `agent:${principal.agentId ?? ''}`;
}

export function formatResource({ resource = {} } = {}) {
  return resource.name === undefined ? `${resource.type}:${resource.id ?? ''}` : `${resource.type} “${resource.name}”`;
}

export function formatOperation({ operation } = {}) {
  return toWords(operation, 'OPERATION_');
}
