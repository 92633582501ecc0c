// Writes src/api/schema.ts from the OpenAPI document: one type for each schema, and the paths.
// `planned.json` adds what the page copes with already and the hub does not offer yet.
// `--check` compares instead of writing.
import { readFileSync, writeFileSync } from 'node:fs';

const root = new URL('..', import.meta.url);
const read = (name) => JSON.parse(readFileSync(new URL(name, root), 'utf8'));
const document = read('openapi.json');
const planned = read('planned.json');
const target = new URL('src/api/schema.ts', root);

const word = (name) => (/^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name));
// A schema goes by its title, where it has one of its own.
const schemas = document.components?.schemas ?? {};
const titles = Object.values(schemas).map((schema) => schema.title);
const named = (name) => {
  const title = schemas[name]?.title;
  const own = title !== undefined && titles.filter((one) => one === title).length === 1 && (title === name || !(title in schemas));
  return (own ? title : name).replace(/[^\w$]/g, '_');
};
/** What a page sends. The hub always sends what may be null, and need not be sent it. */
const sent = new Set();
const reach = (part) => {
  if (part === null || typeof part !== 'object') return;
  if (part.$ref) part = schemas[part.$ref.split('/').pop()];
  if (sent.has(part)) return;
  sent.add(part);
  Object.values(part).forEach(reach);
};
for (const item of Object.values(document.paths)) for (const { requestBody } of Object.values(item)) if (requestBody) reach(requestBody);
const isNullable = ({ type, oneOf, anyOf }) => [type, ...(oneOf ?? anyOf ?? []).map((one) => one.type)].flat().includes('null');

/** Members that the hub does not send yet. */
const plans = new Set();
const hubs = new Map(Object.keys(schemas).map((name) => [named(name), schemas[name]]));
for (const [name, schema] of Object.entries(planned.components.schemas)) {
  const own = hubs.get(name);
  // The hub's word goes before the plan's.
  if (own) own.properties = { ...schema.properties, ...own.properties };
  else schemas[name] = schema;
  if (own) Object.values(schema.properties).forEach((member) => plans.add(member));
}
const refName = (ref) => named(ref.split('/').pop());

function type(schema, indent) {
  if (schema === true || schema === undefined) return 'unknown';
  if (schema.$ref) return refName(schema.$ref);
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  const many = schema.oneOf ?? schema.anyOf;
  if (many) return many.map((one) => wrapped(type(one, indent))).join(' | ');
  if (schema.allOf) return schema.allOf.map((one) => wrapped(type(one, indent))).join(' & ');
  if (Array.isArray(schema.type)) {
    return schema.type.map((one) => wrapped(type({ ...schema, type: one }, indent))).join(' | ');
  }
  switch (schema.type) {
    case 'string': return 'string';
    case 'integer':
    case 'number': return 'number';
    case 'boolean': return 'boolean';
    case 'null': return 'null';
    case 'array': return `${wrapped(type(schema.items, indent))}[]`;
    case 'object': return object(schema, indent);
    default: return schema.properties ? object(schema, indent) : 'unknown';
  }
}

const wrapped = (text) => (/ [|&] /.test(text) && !text.startsWith('{') ? `(${text})` : text);

function object(schema, indent) {
  const required = new Set(schema.required ?? []);
  const inner = indent + '  ';
  const lines = Object.entries(schema.properties ?? {}).map(([name, member]) => {
    const note = member.description ? `${inner}/** ${oneLine(member.description)} */\n` : '';
    const always = required.has(name) || (isNullable(member) && !plans.has(member) && !sent.has(schema));
    return `${note}${inner}${word(name)}${always ? '' : '?'}: ${type(member, inner)};`;
  });
  const more = schema.additionalProperties;
  if (lines.length === 0) return more && more !== true ? `Record<string, ${type(more, indent)}>` : 'Record<string, unknown>';
  return `{\n${lines.join('\n')}\n${indent}}`;
}

const oneLine = (text) => text.replace(/\s+/g, ' ').replaceAll('*/', '* /');

const out = ['// Written by scripts/types.mjs from openapi.json and planned.json: do not edit.', ''];
for (const [name, schema] of Object.entries(schemas)) {
  if (schema.description) out.push(`/** ${oneLine(schema.description)} */`);
  out.push(`export type ${named(name)} = ${type(schema, '')};`, '');
}
out.push('/** The methods of each path. */', 'export interface Paths {');
for (const [path, item] of Object.entries({ ...planned.paths, ...document.paths })) {
  const methods = ['get', 'head', 'post', 'put', 'delete'].filter((method) => item[method]);
  out.push(`  ${JSON.stringify(path)}: ${methods.map((method) => JSON.stringify(method)).join(' | ')};`);
}
out.push('}', '');
const text = out.join('\n');

if (process.argv.includes('--check')) {
  if (readFileSync(target, 'utf8') !== text) {
    console.error('src/api/schema.ts is not what openapi.json and planned.json say: npm run types');
    process.exit(1);
  }
} else {
  writeFileSync(target, text);
}
