// Writes test/rpc/ext-authz/recorded/: requests and answers of Envoy, in bytes that the whole protos of Envoy make, and what
// those say of every field that ours keep. Run it with the folder of the protos:
//
//   npm install --prefix .cache/xds @grpc/grpc-js-xds@1.14.1
//   node scripts/record-check-requests.ts .cache/xds/node_modules/@grpc/grpc-js-xds/deps
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import protobuf from 'protobufjs';
import { CHECK_REQUESTS } from '../test/rpc/ext-authz/recorded/sources.ts';

const [, , deps] = process.argv;
if (deps === undefined) throw new Error('usage: record-check-requests.ts <folder of the protos>');
const RECORDED = fileURLToPath(new URL('../test/rpc/ext-authz/recorded/', import.meta.url));
const ROOTS = ['envoy-api', 'xds', 'googleapis', 'protoc-gen-validate'];
const KEPT = [
  'envoy.service.auth.v3.CheckRequest',
  'envoy.service.auth.v3.CheckResponse',
  'envoy.service.auth.v3.DeniedHttpResponse',
  'envoy.service.auth.v3.OkHttpResponse',
  'envoy.service.auth.v3.AttributeContext',
  'envoy.service.auth.v3.AttributeContext.Peer',
  'envoy.service.auth.v3.AttributeContext.Request',
  'envoy.service.auth.v3.AttributeContext.HttpRequest',
  'envoy.service.auth.v3.AttributeContext.TLSSession',
  'envoy.config.core.v3.Metadata',
  'envoy.config.core.v3.HeaderValue',
  'envoy.config.core.v3.HeaderValueOption',
  'envoy.config.core.v3.HeaderMap',
  'envoy.type.v3.HttpStatus',
  'google.rpc.Status',
];
const ENUMS = ['envoy.config.core.v3.HeaderValueOption.HeaderAppendAction', 'envoy.type.v3.StatusCode'];

const root = new protobuf.Root();
const folders = [
  ...ROOTS.map((name) => join(deps, name)),
  dirname(createRequire(import.meta.url).resolve('protobufjs/package.json')),
];
root.resolvePath = (_origin, target) =>
  folders.map((folder) => join(folder, target)).find((path) => existsSync(path)) ?? target;
await root.load('envoy/service/auth/v3/external_auth.proto', { keepCase: true });
root.resolveAll();

/** The type of a field in the words of the protos. */
function typeOf(field: protobuf.Field): string {
  const name = field.resolvedType?.fullName.slice(1) ?? field.type;
  if (field instanceof protobuf.MapField) return `map<${field.keyType}, ${name}>`;
  return field.repeated ? `repeated ${name}` : name;
}

const messages = KEPT.map((name) => {
  const fields = root.lookupType(name).fieldsArray.map((field) => [field.name, [field.id, typeOf(field)]] as const);
  return [name, Object.fromEntries(fields)] as const;
});
const fields = {
  messages: Object.fromEntries(messages),
  enums: Object.fromEntries(ENUMS.map((name) => [name, root.lookupEnum(name).values])),
};
await writeFile(join(RECORDED, 'fields.json'), `${JSON.stringify(fields, undefined, 2)}\n`);

const CheckRequest = root.lookupType('envoy.service.auth.v3.CheckRequest');
const recorded = CHECK_REQUESTS.map(({ name, request }) => {
  const problem = CheckRequest.verify(request);
  if (problem !== null) throw new Error(`${name}: ${problem}`);
  const bytes = CheckRequest.encode(CheckRequest.fromObject(request)).finish();
  return { name, bytes: Buffer.from(bytes).toString('base64') };
});
await writeFile(join(RECORDED, 'check-requests.json'), `${JSON.stringify(recorded, undefined, 2)}\n`);
