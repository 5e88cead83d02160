import type { ListLog, ListRecord } from '../authorize/ports-list-log.ts';
import type { TypeModel } from '../domain/type-model.ts';

/** Takes lists that are to be written. Never throws and never waits. */
export interface ListWriter {
  writeList(record: ListRecord): void;
}

/** Hands every list to the writer; undefined where there is none, so that nobody makes a record of it. */
export function createListLog({
  types,
  writer,
}: {
  readonly types: TypeModel;
  readonly writer: ListWriter | undefined;
}): ListLog | undefined {
  if (writer === undefined) return undefined;
  return {
    record(record) {
      writer.writeList(record.method === 'filter' ? { ...record, types: toKnown(record.types, types) } : record);
    },
  };
}

/** A filter may name ten thousand types, as long as they like: those that are not configured are one. */
function toKnown(named: readonly string[], types: TypeModel): readonly string[] {
  return [...new Set(named.map((type) => (types.has(type) ? type : 'unknown')))];
}
