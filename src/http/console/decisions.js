import { call } from './api.js';
import { formatOperation, formatPrincipal, formatResource, h, outcomeBadge } from './dom.js';

const INTERVAL_MS = 1_000;
const MAX_ROWS = 200;
const OUTCOMES = {
  any: undefined,
  allowed: 'ALLOWED',
  'not found': 'NOT_FOUND',
  forbidden: 'FORBIDDEN',
  'could not tell': 'COULD_NOT_TELL',
};
const OPERATIONS = ['any', 'read', 'create', 'update', 'delete', 'execute', 'cancel', 'share'];
const COLUMNS = ['Time', 'Outcome', 'Why', 'Principal', 'Account', 'Operation', 'Resource', 'Caller', ''];

/** The decisions of this replica as they are made, with filters. */
export function showDecisions({ place, say, fail, signal }) {
  const body = h('tbody', {});
  const filters = h(
    'form',
    { class: 'fields', 'aria-label': 'Filters', submit: (event) => event.preventDefault() },
    h(
      'label',
      {},
      'Outcome',
      h(
        'select',
        { name: 'outcome' },
        Object.keys(OUTCOMES).map((name) => h('option', {}, name)),
      ),
    ),
    h(
      'label',
      {},
      'Operation',
      h(
        'select',
        { name: 'operation' },
        OPERATIONS.map((name) => h('option', {}, name)),
      ),
    ),
    ...[
      ['Type', 'type'],
      ['Account', 'accountId'],
      ['Principal’s id', 'principalId'],
    ].map(([label, name]) => h('label', {}, label, h('input', { name, autocomplete: 'off', spellcheck: 'false' }))),
    h('button', { id: 'pause', type: 'button', 'aria-pressed': 'false' }, 'Pause'),
  );
  let after = '0';
  let isPaused = false;
  let timer;
  const poll = async () => {
    clearTimeout(timer);
    if (signal.aborted) return;
    const asked = toRequest(new FormData(filters));
    try {
      if (!isPaused) {
        const from = after;
        const answer = await call('RecentDecisions', { ...asked, after: from, limit: MAX_ROWS });
        if (signal.aborted) return;
        // The filters may have changed while the answer was on its way.
        if (from === after && JSON.stringify(asked) === JSON.stringify(toRequest(new FormData(filters)))) {
          after = answer.latest ?? '0';
          body.prepend(...(answer.decisions ?? []).map((decision) => row(decision, from !== '0')));
          while (body.children.length > MAX_ROWS) body.lastChild.remove();
          say(`${body.children.length} shown, ${answer.kept ?? 0} of ${answer.capacity ?? 0} in memory`);
        }
      }
    } catch (error) {
      fail(error);
    }
    if (!signal.aborted) timer = setTimeout(poll, INTERVAL_MS);
  };
  filters.addEventListener('input', () => {
    after = '0';
    body.replaceChildren();
    void poll();
  });
  filters.querySelector('#pause').addEventListener('click', ({ currentTarget }) => {
    isPaused = !isPaused;
    currentTarget.setAttribute('aria-pressed', String(isPaused));
    currentTarget.textContent = isPaused ? 'Go on' : 'Pause';
    if (!isPaused) void poll();
  });
  signal.addEventListener('abort', () => clearTimeout(timer));
  place.append(
    h('div', { class: 'card' }, h('h2', {}, 'Decisions of this replica'), filters),
    h(
      'div',
      { class: 'card scroll' },
      h(
        'table',
        {},
        h(
          'thead',
          {},
          h(
            'tr',
            {},
            COLUMNS.map((name) => h('th', { scope: 'col' }, name)),
          ),
        ),
        body,
      ),
    ),
  );
  void poll();
}

function toRequest(data) {
  const outcome = OUTCOMES[data.get('outcome')];
  const operation = data.get('operation');
  return {
    ...(outcome === undefined ? {} : { outcome: `OUTCOME_${outcome}` }),
    ...(operation === 'any' ? {} : { operation: `OPERATION_${operation.toUpperCase()}` }),
    type: data.get('type'),
    accountId: data.get('accountId'),
    principalId: data.get('principalId'),
  };
}

function row({ decisionId, decidedAt, outcome, reason, question, caller }, isNew) {
  const resource = formatResource(question);
  const link = new URLSearchParams({ decision: decisionId });
  return h(
    'tr',
    { class: isNew ? 'new' : undefined },
    h('td', { class: 'nowrap' }, new Date(decidedAt).toLocaleTimeString()),
    h('td', {}, outcomeBadge(outcome)),
    h('td', {}, reason),
    h('td', { class: 'mono' }, formatPrincipal(question)),
    h('td', { class: 'mono' }, question.principal?.accountId ?? ''),
    h('td', {}, formatOperation(question)),
    h('td', { class: 'mono' }, resource),
    h('td', {}, caller),
    h('td', {}, h('a', { href: `#explain?${link}`, 'aria-label': `Why: ${resource}` }, 'why?')),
  );
}
