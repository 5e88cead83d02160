import { readFileSync } from 'node:fs';
import { v1 } from '@authzed/authzed-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSpiceDbClient } from '../../src/relationships/spicedb-client.ts';
import { CHECK_BULK_PERMISSIONS, WRITE_RELATIONSHIPS } from '../../src/relationships/spicedb-methods.ts';
import { toConsistency } from '../../src/relationships/spicedb-requests.ts';
import { SPICEDB_ENGINES, SYSTEM_CLOCK, callContext } from '../support/spicedb.ts';
import type { SpiceDbEngine } from '../support/spicedb.ts';
import { parseValidationFile } from './validation-file.ts';

const FILE_URL = new URL('../../deploy/spicedb/assertions.yaml', import.meta.url);
const FILE = parseValidationFile(readFileSync(FILE_URL, 'utf8'));
const SCHEMA = readFileSync(new URL(FILE.schemaFile, FILE_URL), 'utf8');

const { CheckPermissionResponse_Permissionship: Permissionship } = v1;
const EXPECTED = [
  { section: 'assertTrue', permissionship: Permissionship.HAS_PERMISSION },
  { section: 'assertFalse', permissionship: Permissionship.NO_PERMISSION },
  { section: 'assertCaveated', permissionship: Permissionship.CONDITIONAL_PERMISSION },
] as const;

describe.each(SPICEDB_ENGINES)('the schema on $name', ({ start }) => {
  let engine: SpiceDbEngine;
  beforeAll(async () => {
    engine = await start();
  });
  afterAll(async () => engine.close());

  test.each(EXPECTED)('answers as $section says', async ({ section, permissionship }) => {
    await using store = await engine.openStore(SCHEMA);
    const client = createSpiceDbClient({ clock: SYSTEM_CLOCK }, store.options);
    const updates = FILE.relationships.map((relationship) => ({
      operation: v1.RelationshipUpdate_Operation.CREATE,
      relationship,
    }));
    await client.call(WRITE_RELATIONSHIPS, { updates, optionalPreconditions: [] }, callContext(), {
      idempotent: false,
    });

    const assertions = FILE.assertions[section];
    const request = {
      items: assertions.map(({ item }) => item),
      consistency: toConsistency({ kind: 'fully_consistent' }),
      withTracing: false,
    };
    const { pairs } = await client.call(CHECK_BULK_PERMISSIONS, request, callContext(), { idempotent: true });
    client.close();
    const answers = pairs.map(({ response }) =>
      response.oneofKind === 'item' ? response.item.permissionship : response.oneofKind,
    );
    expect(assertions.map(({ text }, index) => [text, answers[index]])).toEqual(
      assertions.map(({ text }) => [text, permissionship]),
    );
    expect(assertions.length).toBeGreaterThan(10);
  });
});
