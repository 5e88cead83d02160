import { call } from './api.js';
import { formatOperation, formatPrincipal, formatResource, h, outcomeBadge, toWords, OUTCOME_PREFIX } from './dom.js';
import { drawGraph } from './graph.js';

const OPERATIONS = ['read', 'create', 'update', 'delete', 'execute', 'cancel', 'share'];
const KINDS = { user: 'userId', service_account: 'serviceAccountId', agent: 'agentId' };

/** A form for a question or a decision id, and what explains the answer. */
export function showExplain({ place, say, fail, query }) {
  const result = h('div', { id: 'result' });
  const problem = h('p', { class: 'error', role: 'alert' });
  const ask = async (request) => {
    problem.textContent = '';
    say('asking…');
    try {
      const explanation = await call('ExplainDecision', request);
      say('');
      result.replaceChildren(...render(explanation));
    } catch (error) {
      say('');
      result.replaceChildren();
      problem.textContent = error.message;
      fail(error);
    }
  };
  const question = questionForm(ask);
  const recorded = recordedForm(ask, query);
  place.append(h('div', { class: 'card' }, h('h2', {}, 'Why?'), question, recorded, problem), result);
  if (query.has('decision')) {
    const decision = { decisionId: query.get('decision'), index: Number(query.get('index') ?? 0) };
    void ask({ decision });
  } else question.querySelector('input').focus();
}

function field(label, name, attributes = {}) {
  return h(
    'label',
    {},
    label,
    h('input', { name, autocomplete: 'off', spellcheck: 'false', required: true, ...attributes }),
  );
}

function choice(label, name, values) {
  return h(
    'label',
    {},
    label,
    h(
      'select',
      { name },
      values.map((value) => h('option', {}, value)),
    ),
  );
}

function questionForm(ask) {
  return h(
    'form',
    {
      class: 'fields',
      'aria-label': 'A question',
      submit(event) {
        event.preventDefault();
        const data = new FormData(event.target);
        const key = data.get('byName') === null ? 'id' : 'name';
        void ask({
          question: {
            principal: { [KINDS[data.get('kind')]]: data.get('principal'), accountId: data.get('account') },
            operation: `OPERATION_${data.get('operation').toUpperCase()}`,
            resource: { type: data.get('type'), [key]: data.get('resource') },
            ...(data.get('fresh') === null ? {} : { consistency: { fullyConsistent: true } }),
          },
        });
      },
    },
    choice('Principal', 'kind', Object.keys(KINDS)),
    field('Its id', 'principal', { placeholder: 'alice' }),
    field('Account', 'account', { placeholder: 'acme' }),
    choice('Operation', 'operation', OPERATIONS),
    field('Type', 'type', { placeholder: 'message' }),
    field('Resource', 'resource', { placeholder: 'msg-1' }),
    h('label', { class: 'inline' }, h('input', { type: 'checkbox', name: 'byName' }), 'by name'),
    h('label', { class: 'inline' }, h('input', { type: 'checkbox', name: 'fresh' }), 'fully consistent'),
    h('button', { type: 'submit' }, 'Explain'),
  );
}

function recordedForm(ask, query) {
  return h(
    'form',
    {
      class: 'fields',
      'aria-label': 'A decision',
      submit(event) {
        event.preventDefault();
        const data = new FormData(event.target);
        void ask({ decision: { decisionId: data.get('decisionId').trim(), index: Number(data.get('index')) } });
      },
    },
    field('or a decision id', 'decisionId', { size: 38, value: query.get('decision') ?? '' }),
    field('Item of a batch', 'index', { type: 'number', min: 0, max: 999, value: query.get('index') ?? '0' }),
    h('button', { type: 'submit' }, 'Replay'),
  );
}

function render(explanation) {
  const { question, verdict = {}, recorded, parents = [], checks = [], plan = {} } = explanation;
  const asked = `${formatPrincipal(question)} of ${question.principal?.accountId ?? ''}, ${formatOperation(question)} ${formatResource(question)}`;
  return [
    h(
      'section',
      { class: 'card', 'aria-label': 'Decision' },
      h('h2', {}, asked),
      h('div', { class: 'verdict' }, outcomeBadge(verdict.outcome), h('p', { id: 'why' }, verdict.why ?? '')),
      recorded === undefined ? undefined : h('p', { class: 'hint' }, describeRecorded(recorded, verdict, plan)),
    ),
    h('section', { class: 'card scroll', 'aria-label': 'Graph' }, drawGraph(explanation)),
    h(
      'div',
      { class: 'columns' },
      parents.length === 0 ? undefined : parentTable(parents),
      ...checks.map((check) => checkTree(check, plan)),
    ),
  ];
}

function describeRecorded({ decidedAt, caller, outcome, reason }, verdict, plan) {
  const made = `Made ${new Date(decidedAt).toLocaleString()} for ${caller}: ${toWords(outcome, OUTCOME_PREFIX)} (${reason}).`;
  if (plan.floor !== 'at_exact_snapshot') return `${made} Nobody was asked for it: explained as of now.`;
  return outcome === verdict.outcome
    ? `${made} Replayed at its revision.`
    : `${made} Replayed at its revision it comes out differently: rows have changed since.`;
}

function parentTable(parents) {
  const rows = parents.map(({ layer, outcome, parentId = '', used = false, detail = '' }) =>
    h(
      'tr',
      { class: used ? 'used' : undefined },
      h('td', { class: 'nowrap' }, `${used ? '▸ ' : ''}${layer}`),
      h('td', { class: 'nowrap' }, toWords(outcome, OUTCOME_PREFIX)),
      h('td', { class: 'mono' }, parentId),
      h('td', {}, detail),
    ),
  );
  return h(
    'section',
    { class: 'card', 'aria-label': 'Parent lookup' },
    h('h3', {}, 'Parent lookup'),
    h(
      'table',
      {},
      h(
        'thead',
        {},
        h('tr', {}, ...['layer', 'says', 'parent', 'detail'].map((name) => h('th', { scope: 'col' }, name))),
      ),
      h('tbody', {}, rows),
    ),
  );
}

function checkTree(check, { consistency = '', floor = '' }) {
  const { permission, purpose, object = {}, result, trace, cached, error = '' } = check;
  const kept =
    cached === undefined
      ? 'not in the decision cache'
      : `in the decision cache: ${toWords(cached.result, 'PERMISSIONSHIP_')}, for another ${cached.expiresInMs ?? 0} ms`;
  return h(
    'section',
    { class: 'card', 'aria-label': `Check of ${permission}` },
    h('h3', {}, `${permission} on ${object.type}:${object.id ?? ''}: ${toWords(result, 'PERMISSIONSHIP_')}`),
    h(
      'p',
      { class: 'hint' },
      `${purpose === 'permission' ? '' : `asked for ${purpose}; `}${consistency}${floor === '' ? '' : `, raised to ${floor}`}; ${kept}`,
    ),
    error === '' ? undefined : h('p', { class: 'error' }, error),
    trace === undefined ? undefined : h('ul', { class: 'tree mono' }, treeItem(trace)),
  );
}

function treeItem({ objectType, objectId = '', name, isRelation, result, decides, caveat, wasCached, children = [] }) {
  const isHeld = result === 'PERMISSIONSHIP_HELD';
  const values = Object.entries(caveat?.context ?? {})
    .map(([key, value]) => `${key} = ${JSON.stringify(value)}`)
    .join(', ');
  return h(
    'li',
    { class: decides ? undefined : 'off' },
    h('span', { class: `badge ${isHeld ? 'good' : 'bad'}` }, isHeld ? 'held' : toWords(result, 'PERMISSIONSHIP_')),
    ' ',
    h('span', { class: 'label' }, `${objectType}:${objectId}${isRelation ? '#' : ' '}${name}`),
    caveat === undefined
      ? undefined
      : h(
          'span',
          { class: 'aside' },
          ` if ${caveat.name} (${caveat.expression}), which is ${caveat.result} for ${values}`,
        ),
    wasCached ? h('span', { class: 'aside' }, ' (from SpiceDB’s cache)') : undefined,
    children.length === 0 ? undefined : h('ul', {}, children.map(treeItem)),
  );
}
