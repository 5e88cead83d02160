import { call } from './api.js';
import { h, toWords } from './dom.js';

const INTERVAL_MS = 2_000;
const GOOD = new Set(['ok', 'closed', 'true']);

/** Readiness, breakers, caches, whether changes are followed, and how far accounts are. */
export function showState({ place, say, fail, signal }) {
  let timer;
  const poll = async () => {
    try {
      const state = await call('GetState', {});
      if (signal.aborted) return;
      place.replaceChildren(...render(state));
      say(`as of ${new Date(state.now).toLocaleTimeString()}`);
    } catch (error) {
      fail(error);
    }
    if (!signal.aborted) timer = setTimeout(poll, INTERVAL_MS);
  };
  signal.addEventListener('abort', () => clearTimeout(timer));
  void poll();
}

function render({
  ready = false,
  dependencies = {},
  breakers = {},
  caches = [],
  watch = {},
  flags = {},
  rollout = {},
}) {
  const { following = false, changedObjects = 0, lastWordMs } = watch;
  return [
    h(
      'div',
      { class: 'columns' },
      card(
        'Readiness',
        facts([['this replica', badge(ready ? 'ready' : 'not ready', ready)], ...badges(dependencies)]),
      ),
      card('Breakers', facts(badges(breakers))),
      card(
        'Caches',
        facts(
          caches.map(({ name, enabled = false, entries = 0, capacity = 0 }) => [
            name,
            enabled
              ? h(
                  'span',
                  {},
                  h('meter', { min: 0, max: capacity, value: entries, 'aria-label': `${name} kept` }),
                  ` ${entries} of ${capacity}`,
                )
              : 'off',
          ]),
        ),
      ),
      card(
        'Changes (SpiceDB’s Watch)',
        facts([
          ['followed', badge(following ? 'yes' : 'no: nothing is answered from the decision cache', following)],
          ['last word', lastWordMs === undefined ? 'none yet' : `${(lastWordMs / 1_000).toFixed(1)} s ago`],
          ['floors', `${changedObjects} changed objects remembered`],
        ]),
      ),
      card('Settings', facts(Object.entries(flags))),
    ),
    card('Rollout', ...renderRollout(rollout)),
  ];
}

function renderRollout({ provider = '', problem = '', safeDefault = {}, gates = [], accountsLeftOut = 0 }) {
  const isOnlyOne = ({ account }) => gates.filter((gate) => gate.account === account).length === 1;
  return [
    facts([
      ['flags', badge(problem === '' ? `${provider}: ok` : `${provider}: ${problem}`, problem === '')],
      ...(accountsLeftOut === 0 ? [] : [['not shown', `${accountsLeftOut} more accounts`]]),
    ]),
    h(
      'table',
      {},
      h(
        'thead',
        {},
        h('tr', {}, ...['Account', 'Types', 'Enforcement', 'Dual-write'].map((name) => h('th', {}, name))),
      ),
      h(
        'tbody',
        {},
        ...gates.map((gate) =>
          gateRow(gate.account ?? 'every other', isOnlyOne(gate) ? 'every type' : (gate.types ?? []).join(', '), gate),
        ),
        gateRow('safe default', 'where flags can’t be told', safeDefault),
      ),
    ),
  ];
}

function gateRow(account, types, { enforcement = '', dualWrite = '' }) {
  return h(
    'tr',
    {},
    h('td', {}, account),
    h('td', {}, types),
    h('td', {}, badge(enforcement, enforcement === 'enforce')),
    h('td', {}, badge(dualWrite, dualWrite === 'on')),
  );
}

function card(title, ...children) {
  return h('section', { class: 'card', 'aria-label': title }, h('h2', {}, title), ...children);
}

function facts(entries) {
  return h(
    'dl',
    {},
    entries.flatMap(([name, value]) => [h('dt', {}, name), h('dd', {}, value)]),
  );
}

function badges(words) {
  return Object.entries(words).map(([name, word]) => [name, badge(toWords(word, ''), GOOD.has(word))]);
}

function badge(text, isGood) {
  return h('span', { class: `badge ${isGood ? 'good' : 'warn'}` }, text);
}
