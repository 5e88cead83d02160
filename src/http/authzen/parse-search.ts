import type { SearchActionsRequest } from '../../authorize/search-actions.ts';
import type { SearchPage } from '../../authorize/search-page.ts';
import type { SearchResourcesRequest } from '../../authorize/search-resources.ts';
import type { SearchSubjectsRequest } from '../../authorize/search-subjects.ts';
import { InvalidArgumentError } from '../../domain/errors.ts';
import type { JsonObject } from '../../domain/json-value.ts';
import type { PageTokens, Searched } from './page-token.ts';
import { readField, readOptionalObject, readString, toAction, toContext, toEntity, toType } from './parse-entities.ts';

/** A search, and which part of what is found is wanted. */
export interface ParsedSearch<Request> {
  readonly request: Request;
  readonly page: SearchPage;
  /** What the token of the next page is good for. */
  readonly searched: Searched;
}

export interface ParseSearchDeps {
  readonly tokens: PageTokens;
  /** The most results of a page, and how many there are where none are asked for. */
  readonly maxPageSize: number;
}

/** Section 8.4. @throws InvalidArgumentError */
export function parseSubjectSearch(
  body: JsonObject,
  deps: ParseSearchDeps,
): ParsedSearch<Omit<SearchSubjectsRequest, 'page'>> {
  const request = {
    subject: toType(body, 'subject'),
    action: toAction(body),
    resource: toEntity(body, 'resource'),
    context: toContext(body),
  };
  return { request, ...toPage(body, { kind: 'subject', request: toJson(request) }, deps) };
}

/** Section 8.5. @throws InvalidArgumentError */
export function parseResourceSearch(
  body: JsonObject,
  deps: ParseSearchDeps,
): ParsedSearch<Omit<SearchResourcesRequest, 'page'>> {
  const request = {
    subject: toEntity(body, 'subject'),
    action: toAction(body),
    resource: toType(body, 'resource'),
    context: toContext(body),
  };
  return { request, ...toPage(body, { kind: 'resource', request: toJson(request) }, deps) };
}

/** Section 8.6: an action that is there is not looked at. @throws InvalidArgumentError */
export function parseActionSearch(body: JsonObject, deps: ParseSearchDeps): ParsedSearch<SearchActionsRequest> {
  const request = {
    subject: toEntity(body, 'subject'),
    resource: toEntity(body, 'resource'),
    context: toContext(body),
  };
  return { request, ...toPage(body, { kind: 'action', request: toJson(request) }, deps) };
}

/** What the tuple holds, as the JSON that it came from. */
function toJson(request: object): JsonObject {
  return Object.fromEntries(Object.entries(request).map(([key, value]: [string, object]) => [key, { ...value }]));
}

function toPage(
  body: JsonObject,
  searched: Searched,
  { tokens, maxPageSize }: ParseSearchDeps,
): Pick<ParsedSearch<never>, 'page' | 'searched'> {
  const page = readOptionalObject(body, 'page');
  const limit = Object.hasOwn(page, 'limit') ? page['limit'] : maxPageSize;
  if (typeof limit !== 'number' || !Number.isSafeInteger(limit) || limit < 1) {
    throw new InvalidArgumentError('page.limit', 'must be a whole number of at least 1');
  }
  const token = readField(page, 'token');
  // An empty one is where a search begins, as it is where one ends.
  const position =
    token === undefined || token === '' ? undefined : tokens.open(readString(page, 'token', 'page.token'), searched);
  return { page: { limit: Math.min(limit, maxPageSize), position }, searched };
}
