import { call, forgetToken, hasToken, keepToken, SignInError } from './api.js';
import { showDecisions } from './decisions.js';
import { showExplain } from './explain.js';
import { showLatency } from './latency.js';
import { showState } from './state.js';

const VIEWS = { explain: showExplain, decisions: showDecisions, state: showState, latency: showLatency };
const byId = (id) => document.getElementById(id);

/** Ends what the view that is shown has started. */
let leave = () => undefined;

/** What a view gets: where to draw, and where to say how it is. */
function show() {
  leave();
  const [name, query = ''] = location.hash.slice(1).split('?');
  const view = Object.hasOwn(VIEWS, name) ? name : 'explain';
  for (const link of document.querySelectorAll('nav a')) {
    if (link.getAttribute('href') === `#${view}`) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  document.title = `${view} · taskgate console`;
  byId('login').hidden = true;
  byId('forget').hidden = !hasToken();
  byId('status').textContent = '';
  const place = byId('view');
  place.replaceChildren();
  const controller = new AbortController();
  leave = () => controller.abort();
  VIEWS[view]({ place, say, fail, signal: controller.signal, query: new URLSearchParams(query) });
}

function say(text) {
  byId('status').textContent = text;
}

function fail(error) {
  if (error instanceof SignInError) signIn(hasToken() ? error.message : '');
  else say(error.message);
}

function signIn(problem) {
  leave();
  byId('view').replaceChildren();
  byId('login-error').textContent = problem;
  byId('login').hidden = false;
  byId('forget').hidden = true;
  byId('token').focus();
}

async function tryToken(token) {
  keepToken(token);
  try {
    await call('GetState', {});
    show();
  } catch (error) {
    forgetToken();
    signIn(error.message);
  }
}

byId('login').addEventListener('submit', (event) => {
  event.preventDefault();
  const input = byId('token');
  const token = input.value.trim();
  input.value = '';
  void tryToken(token);
});

byId('forget').addEventListener('click', () => {
  forgetToken();
  signIn('');
});

addEventListener('hashchange', () => {
  show();
  byId('main').focus();
});

addEventListener('keydown', (event) => {
  const isTyping = event.target.closest?.('input, select, textarea') !== null;
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey || !byId('login').hidden) return;
  const view = Object.keys(VIEWS)[Number(event.key) - 1];
  if (view !== undefined) location.hash = view;
  else if (event.key === '/') {
    event.preventDefault();
    document.querySelector('#view input, #view select')?.focus();
  } else if (event.key === 'p') document.querySelector('#pause')?.click();
});

show();
