// How an answer is given: in words, as ready data, or as fields of one's own. The text of the schema is the setting; this form
// shows what it says, and writes it.
import { $, whenReady } from '../page/parts.js';
import { open } from './sidebar.js';

const FORM = '#answer-as .answer-as';
const FIELD = '#json-schema textarea';
const OWN = 'own';
const MOST = 999_999_999;
// Each may be missing, and each ends.
const PARTS = {
  text: { type: ['string', 'null'], maxLength: 200 },
  number: { type: ['number', 'null'], minimum: -MOST, maximum: MOST, multipleOf: 0.01 },
  whole: { type: ['integer', 'null'], minimum: -MOST, maximum: MOST },
  yes: { type: ['boolean', 'null'] },
  date: { anyOf: [{ type: 'string', format: 'date' }, { type: 'null' }] },
  list: { type: 'array', items: { type: 'string', maxLength: 200 }, maxItems: 50 },
};

/** The schema with these fields, each [name, type]; one without a name is left out. */
export function schemaOf(fields) {
  const named = fields.filter(([name]) => name.trim()).map(([name, type]) => [name.trim(), PARTS[type]]);
  const properties = Object.fromEntries(named);
  return JSON.stringify({ type: 'object', properties, required: Object.keys(properties), additionalProperties: false });
}

/** The fields of such a schema; null for one of another kind. */
export function fieldsOf(schema) {
  const types = Object.entries(PARTS).map(([type, part]) => [JSON.stringify(part), type]);
  const byPart = new Map(/** @type {[string, string][]} */ (types));
  const parts = Object.entries(parsed(schema)?.properties ?? {});
  const fields = parts.map(([name, part]) => [name, byPart.get(JSON.stringify(part))]);
  const known = fields.every(([, type]) => type) && schemaOf(fields) === compact(schema);
  return known ? fields : null;
}

/** The choice that a schema stands for. ready: schemas by choice. */
export function choiceOf(schema, ready) {
  if (!schema.trim()) return '';
  return Object.keys(ready).find((name) => ready[name] === compact(schema)) ?? OWN;
}

function parsed(text) {
  try { return JSON.parse(text); } catch { return null; }
}

const compact = (text) => JSON.stringify(parsed(text));
const ready = () => JSON.parse($(FORM).dataset.ready);

function write(schema) {
  const field = $(FIELD);
  field.value = schema;
  field.dispatchEvent(new Event('input', { bubbles: true }));
}

function row([name, type]) {
  const made = $(`${FORM} template`).content.firstElementChild.cloneNode(true);
  made.querySelector('input').value = name;
  made.querySelector('select').value = type;
  return made;
}

function written() {
  return /** @type {any[]} */ ([...document.querySelectorAll(`${FORM} .field`)]).map((one) => [one.querySelector('input').value, one.querySelector('select').value]);
}

function showFields(fields) {
  const [host, add] = [$(`${FORM} .fields`), $(`${FORM} > [data-op=add]`)];
  host.hidden = add.hidden = !fields;
  // A field that has no name yet is in the form alone.
  if (fields && schemaOf(written()) !== schemaOf(fields)) host.replaceChildren(...fields.map(row));
  if (!fields) host.replaceChildren();
}

/** Show what the schema says. */
export function showSchema(schema) {
  if (!$(FORM)) return;
  const choice = choiceOf(schema ?? '', ready());
  $(`${FORM} label select`).value = choice;
  $('#settings').toggleAttribute('data-own-schema', choice === OWN);
  showFields(choice === OWN ? fieldsOf(schema) : null);
}

function addField() {
  const made = row(['', 'text']);
  $(`${FORM} .fields`).append(made);
  made.querySelector('input').focus();
}

function choose(choice) {
  if (choice !== OWN) return write(choice ? ready()[choice] : '');
  write(schemaOf([]));
  showSchema(schemaOf([]));
  return addField();
}

function changed(event) {
  const { target } = event;
  if (target.matches('label select')) choose(target.value);
  else if (target.closest('.field')) write(schemaOf(written()));
}

function pressed(event) {
  const op = event.target.closest('button')?.dataset.op;
  if (op === 'add') addField();
  if (op !== 'drop') return;
  event.target.closest('.field').remove();
  write(schemaOf(written()));
}

/** Open the settings where this is chosen. */
export function lead() {
  open();
  const group = $('#answer-as').closest('.gr-accordion');
  const heading = group?.querySelector(':scope > button');
  if (heading && !heading.classList.contains('open')) heading.click();
  requestAnimationFrame(() => {
    $(`${FORM} label select`).focus();
    $('#answer-as').scrollIntoView({ block: 'center' });
  });
}

export function start() {
  whenReady(() => {
    const host = $('#answer-as');
    host.addEventListener('change', changed);
    host.addEventListener('click', pressed);
    const again = () => { if (!$(`${FORM}[data-shown]`)) { $(FORM).dataset.shown = ''; showSchema($(FIELD).value); } };
    // It is drawn anew in another language.
    new MutationObserver(again).observe(host, { childList: true, subtree: true });
    again();
  });
}
