import type { Page } from 'playwright-core';
import { afterEach, describe, expect, it } from 'vitest';
import { AuthorizationService } from '../../src/gen/taskgate/v1/authorization_pb.js';
import { openHttpServer } from '../../src/http/http-server.ts';
import { useTokenTaskgates } from '../support/callers-taskgate.ts';
import { ask } from '../support/check-requests.ts';
import { CHROMIUM, useChromium, WITHOUT_CHROMIUM } from '../support/chromium.ts';
import type { TestTaskgate } from '../support/taskgate.ts';
import { useTaskgate } from '../support/taskgate.ts';
import { createGrpcClient } from '../support/transports.ts';

/** Of accounts that nobody here is of. */
const ROLLOUT = JSON.stringify({
  rollout: { accounts: { '<b>initech': { enforcement: 'shadow', types: { message: { enforcement: 'off' } } } } },
});
const HOSTILE = '<img src=x onerror="document.title=\'pwned\'">';

describe.skipIf(CHROMIUM === undefined)(`the console${WITHOUT_CHROMIUM}`, { timeout: 30_000 }, () => {
  const browser = useChromium();
  const open = useTaskgate({ yaml: ROLLOUT });
  const withTokens = useTokenTaskgates();
  const pages: Page[] = [];
  /** What the browser complained about: scripts that threw, what the policy blocked, what could not be loaded. */
  const complaints: string[] = [];

  afterEach(async () => {
    await Promise.all(pages.splice(0).map(async (page) => page.close()));
    expect(complaints.splice(0)).toEqual([]);
  });

  async function visit({ addresses }: TestTaskgate, hash = '', expected: readonly number[] = []): Promise<Page> {
    const page = await browser().newPage();
    pages.push(page);
    page.setDefaultTimeout(10_000);
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('console', (message) => {
      const isExpected = expected.some((status) => message.text().includes(`status of ${status}`));
      if (message.type() === 'error' && !isExpected) complaints.push(message.text());
    });
    page.on('request', (request) => {
      if (new URL(request.url()).host !== addresses.admin && !request.url().startsWith('data:'))
        complaints.push(`asked ${request.url()}`);
    });
    await page.goto(`http://${addresses.admin}/console/${hash}`);
    return page;
  }

  async function explainInPage(page: Page, who: string, type: string, id: string): Promise<void> {
    await page.getByLabel('Its id').fill(who);
    await page.locator('[name=account]').fill('acme');
    await page.getByLabel('Type').fill(type);
    await page.getByLabel('Resource').fill(id);
    await page.getByRole('button', { name: 'Explain' }).click();
    await page.getByRole('heading', { name: `user:${who} of acme, read ${type}:${id}` }).waitFor();
  }

  async function check(gate: TestTaskgate, who: string, id: string): Promise<void> {
    await using client = createGrpcClient('gRPC', gate.addresses.grpc);
    await client.call(AuthorizationService.method.checkTask, ask(who, 'message', id));
  }

  it('draws why it is allowed, and says the same as text', async () => {
    const page = await visit(open());
    await explainInPage(page, 'alice', 'message', 'msg-1');
    expect(await page.locator('#why').textContent()).toMatch(/^user:alice holds read on task:task-1, by /);
    const graph = page.getByRole('img', { name: /holds read/ });
    expect(await graph.locator('text').allTextContents()).toEqual(
      expect.arrayContaining(['user:alice', 'task:task-1#owner', 'tenant:acme#member', 'task:task-1', 'message:msg-1']),
    );
    // The way that decided: two grants and the object, and no role that is not held.
    expect(await graph.locator('rect.on.held').count()).toBe(3);
    expect(await page.locator('.tree > li .label').first().textContent()).toBe('task:task-1 read');
  });

  it('tells denied from absent, openly', async () => {
    const page = await visit(open());
    await explainInPage(page, 'dave', 'message', 'msg-1');
    expect(await page.locator('#why').textContent()).toContain('does not hold read on task:task-1');
    await explainInPage(page, 'dave', 'message', 'no-such-msg');
    expect(await page.locator('#why').textContent()).toContain('is absent: no row in messages');
  });

  it('shows hostile ids as text, in every view', async () => {
    const page = await visit(open());
    await explainInPage(page, HOSTILE, 'message', HOSTILE);
    expect(await page.locator('#why').textContent()).toContain(HOSTILE);
    await check(open(), HOSTILE, HOSTILE);
    await page.getByRole('link', { name: 'Decisions' }).click();
    await page
      .getByRole('cell', { name: `user:${HOSTILE}` })
      .first()
      .waitFor();
    expect(await page.locator('img').count()).toBe(0);
    expect(await page.title()).toBe('decisions · taskgate console');
  });

  it('shows decisions as they are made, filtered and paused, and why each was', async () => {
    const page = await visit(open(), '#decisions');
    await check(open(), 'carol', 'msg-1');
    await page
      .getByRole('row', { name: /allowed held user:carol acme read message:msg-1/ })
      .first()
      .waitFor();
    await check(open(), 'mallory', 'msg-1');
    await page.getByLabel('Outcome').selectOption('not found');
    await page.getByLabel('Principal’s id').fill('mallory');
    await page.getByRole('row', { name: /user:mallory/ }).waitFor();
    expect(await page.getByRole('row', { name: /user:carol/ }).count()).toBe(0);
    await page.getByRole('button', { name: 'Pause' }).click();
    await check(open(), 'mallory', 'msg-1');
    await page.waitForTimeout(1_500);
    expect(await page.getByRole('row', { name: /user:mallory/ }).count()).toBe(1);
    await page.getByRole('button', { name: 'Go on' }).click();
    await page
      .getByRole('row', { name: /user:mallory/ })
      .nth(1)
      .waitFor();
    await page.getByRole('link', { name: 'Why: message:msg-1' }).first().click();
    await page.getByText('Replayed at its revision.').waitFor();
    expect(await page.locator('#why').textContent()).toContain('user:mallory does not hold read');
  });

  it('shows the state, and latencies', async () => {
    await check(open(), 'alice', 'msg-1');
    const page = await visit(open(), '#state');
    await page.getByRole('region', { name: 'Readiness' }).getByText('ready', { exact: true }).waitFor();
    expect(await page.getByRole('region', { name: 'Breakers' }).textContent()).toContain('spicedbclosed');
    expect(await page.getByRole('region', { name: 'Caches' }).textContent()).toContain('of 50000');
    const rollout = page.getByRole('region', { name: 'Rollout' });
    expect(await rollout.locator('dd').allTextContents()).toEqual(['static: ok']);
    expect(await rollout.getByRole('row').allTextContents()).toEqual([
      'AccountTypesEnforcementDual-write',
      expect.stringMatching(/^<b>initech.*task.*shadowon$/),
      '<b>initechmessageoffon',
      'every otherevery typeenforceon',
      'safe defaultwhere flags can’t be toldenforceon',
    ]);
    await page.getByRole('link', { name: 'Latency' }).click();
    await page
      .getByRole('region', { name: 'CheckTask over grpc' })
      .getByRole('img', { name: /^p50 at most/ })
      .waitFor();
  });

  it('can be used by the keyboard alone', async () => {
    const page = await visit(open());
    await page.getByLabel('Its id').waitFor();
    await page.keyboard.type('alice');
    for (const text of ['acme', '', 'message', 'msg-1']) {
      await page.keyboard.press('Tab');
      if (text !== '') await page.keyboard.type(text);
    }
    const outline = await page.evaluate('getComputedStyle(document.activeElement).outlineStyle');
    expect(outline).toBe('solid');
    await page.keyboard.press('Enter');
    await page
      .getByText(/user:alice holds read/)
      .first()
      .waitFor();
    await page.evaluate('document.activeElement.blur()');
    await page.keyboard.press('3');
    await page.getByRole('heading', { name: 'Readiness' }).waitFor();
    expect(await page.getByRole('link', { name: 'State' }).getAttribute('aria-current')).toBe('page');
    await page.keyboard.press('1');
    await page.keyboard.press('2');
    await page.getByRole('heading', { name: 'Decisions of this replica' }).waitFor();
    await page.keyboard.press('p');
    await page.getByRole('button', { name: 'Go on' }).waitFor();
  });

  it('asks for a token where there are any, and keeps it for the tab alone', async () => {
    const { tcp, tokens } = withTokens();
    const page = await visit(tcp, '#state', [401, 403]);
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await page.getByLabel('Token').fill(tokens.check);
    await page.keyboard.press('Enter');
    await page.getByText('the caller lacks the permission admin').waitFor();
    await page.getByLabel('Token').fill(tokens.admin);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('heading', { name: 'Readiness' }).waitFor();
    expect(await page.evaluate('[document.cookie, localStorage.length]')).toEqual(['', 0]);
    expect(page.url()).not.toContain(tokens.admin);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    expect(await page.evaluate('sessionStorage.length')).toBe(0);
  });

  it.each([
    [
      'a script from elsewhere',
      `Object.assign(document.createElement('script'), { src: 'data:text/javascript,document.title="pwned"' })`,
    ],
    ['a script in the page', `Object.assign(document.createElement('script'), { text: 'document.title = "pwned"' })`],
    ['markup', `Object.assign(document.createElement('div'), { innerHTML: '<img src=x onerror="document.title=1">' })`],
  ])('lets nobody put %s into it', async (_, element) => {
    const page = await visit(open());
    const outcome = await page.evaluate(`document.body.append(${element})`).then(
      () => 'put there',
      (error: unknown) => String(error),
    );
    expect(outcome).toMatch(/requires 'Trusted(?:ScriptURL|Script|HTML)'/);
    expect(await page.title()).toBe('explain · taskgate console');
    complaints.splice(0);
  });

  it('gives another site in the same browser no answer', async () => {
    const { addresses } = open();
    await using elsewhere = await serveNothing();
    const page = await browser().newPage();
    pages.push(page);
    await page.goto(`http://${elsewhere.address}/`);
    const statusOf = async (options: string) =>
      page.evaluate(
        `fetch('http://${addresses.admin}/taskgate.admin.v1.AdminService/GetState', { method: 'POST', body: '{}', ${options} })
          .then(({ status, type }) => type + ' ' + status, () => 'refused')`,
      );
    expect(await statusOf("headers: { 'content-type': 'application/json' }")).toBe('refused');
    // A request that needs no leave is sent, and its answer can't be read.
    expect(await statusOf("mode: 'no-cors'")).toBe('opaque 0');
  });
});

async function serveNothing() {
  const server = await openHttpServer((_, response) => void response.end('<!doctype html>'), {
    host: '127.0.0.1',
    port: 0,
    requestTimeoutMs: 1_000,
    stallTimeoutMs: 5_000,
    maxConnections: 50,
    maxHeaderBytes: 4_096,
  });
  return { address: server.address, [Symbol.asyncDispose]: async () => server.close(0) };
}
