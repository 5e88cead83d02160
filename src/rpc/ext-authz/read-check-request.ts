import type { WireReader } from '../wire-reader.ts';
import { lengthDelimited, readMessage, varint } from '../wire-reader.ts';

type Pair = [name: string, value: string];

/**
 * What of a CheckRequest is looked at, as it was sent. Text that is not UTF-8 has U+FFFD where it is not, which no parser
 * of what follows takes for an id: a client's odd header must not become an error, because an Envoy with
 * `failure_mode_allow` lets those pass (CVE-2023-27488).
 */
export interface CheckAttributes {
  /** False for what is no HTTP request, such as a connection. */
  hasHttp: boolean;
  method: string;
  path: string;
  /** As often as each came. */
  readonly headers: Pair[];
  /** The same from `header_map`; undefined if that was not there. */
  headerMap: Pair[] | undefined;
  /** Bytes of the body by Envoy's count; -1 if it does not know. */
  size: number;
  body: Uint8Array;
  rawBody: Uint8Array;
  readonly extensions: Pair[];
  /** What the one filter found out that was asked for, as a Struct; undefined if it said nothing. */
  metadata: Uint8Array | undefined;
}

const NOTHING: Uint8Array = new Uint8Array();

const ATTRIBUTES = lengthDelimited(1);
const REQUEST = lengthDelimited(4);
const CONTEXT_EXTENSIONS = lengthDelimited(10);
const METADATA_CONTEXT = lengthDelimited(11);

const HTTP = lengthDelimited(2);
const METHOD = lengthDelimited(2);
const HEADERS = lengthDelimited(3);
const PATH = lengthDelimited(4);
const SIZE = varint(9);
const BODY = lengthDelimited(11);
const RAW_BODY = lengthDelimited(12);
const HEADER_MAP = lengthDelimited(13);
const HEADER_MAP_HEADERS = lengthDelimited(1);

const FILTER_METADATA = lengthDelimited(1);
const KEY = lengthDelimited(1);
const VALUE = lengthDelimited(2);
const RAW_VALUE = lengthDelimited(3);

/**
 * Reads the fields that are needed straight from the bytes. As in every protobuf message they may come in any order, and
 * those that are not known are skipped.
 *
 * @param metadataFilter The name of the one filter whose metadata is read.
 * @throws RangeError if the bytes are no CheckRequest, or say things twice that could disagree.
 */
export function readCheckRequest(bytes: Uint8Array, metadataFilter: string): CheckAttributes {
  const attributes: CheckAttributes = {
    hasHttp: false,
    method: '',
    path: '',
    headers: [],
    headerMap: undefined,
    size: 0,
    body: NOTHING,
    rawBody: NOTHING,
    extensions: [],
    metadata: undefined,
  };
  readMessage(bytes, (tag, reader) => {
    if (tag === ATTRIBUTES) reader.message((inner) => readAttribute(inner, reader, attributes, metadataFilter));
    else reader.skip(tag);
  });
  return attributes;
}

function readAttribute(tag: number, reader: WireReader, attributes: CheckAttributes, metadataFilter: string): void {
  switch (tag) {
    case REQUEST:
      reader.message((inner) => {
        if (inner === HTTP) readHttp(reader, attributes);
        else reader.skip(inner);
      });
      return;
    case CONTEXT_EXTENSIONS:
      attributes.extensions.push(readEntry(reader));
      return;
    case METADATA_CONTEXT:
      reader.message((inner) => {
        if (inner === FILTER_METADATA) readMetadata(reader, attributes, metadataFilter);
        else reader.skip(inner);
      });
      return;
    default:
      reader.skip(tag);
  }
}

function readHttp(reader: WireReader, attributes: CheckAttributes): void {
  if (attributes.hasHttp) throw new RangeError('two requests');
  attributes.hasHttp = true;
  reader.message((tag) => {
    switch (tag) {
      case METHOD:
        attributes.method = reader.text();
        return;
      case HEADERS:
        attributes.headers.push(readEntry(reader));
        return;
      case PATH:
        attributes.path = reader.text();
        return;
      case SIZE:
        attributes.size = reader.int64();
        return;
      case BODY:
        attributes.body = reader.bytes();
        return;
      case RAW_BODY:
        attributes.rawBody = reader.bytes();
        return;
      case HEADER_MAP: {
        const headers = (attributes.headerMap ??= []);
        reader.message((inner) => {
          if (inner === HEADER_MAP_HEADERS) headers.push(readHeaderValue(reader));
          else reader.skip(inner);
        });
        return;
      }
      default:
        reader.skip(tag);
    }
  });
}

/** An entry of a map of texts. */
function readEntry(reader: WireReader): Pair {
  let key = '';
  let value = '';
  reader.message((tag) => {
    if (tag === KEY) key = reader.text();
    else if (tag === VALUE) value = reader.text();
    else reader.skip(tag);
  });
  return [key, value];
}

/** A HeaderValue, whose value stands in one of two fields. */
function readHeaderValue(reader: WireReader): Pair {
  let key = '';
  let value = '';
  reader.message((tag) => {
    if (tag === KEY) key = reader.text();
    else if (tag === VALUE || tag === RAW_VALUE) {
      const text = reader.text();
      if (value !== '' && value !== text) throw new RangeError('two values');
      value = text;
    } else reader.skip(tag);
  });
  return [key, value];
}

function readMetadata(reader: WireReader, attributes: CheckAttributes, metadataFilter: string): void {
  let filter = '';
  let struct = NOTHING;
  reader.message((tag) => {
    if (tag === KEY) filter = reader.text();
    else if (tag === VALUE) struct = reader.bytes();
    else reader.skip(tag);
  });
  if (filter !== metadataFilter) return;
  if (attributes.metadata !== undefined) throw new RangeError('two metadata of one filter');
  attributes.metadata = struct;
}
