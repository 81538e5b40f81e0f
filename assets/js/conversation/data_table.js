// Shows an answer that is data as tables under it, which can be edited, and copied as JSON or CSV. A row that names a place
// points at its box on the picture.
import { whenDrawn } from './conversation.js';
import * as drawn from './drawn.js';
import { copyText } from '../page/copy_button.js';
import { $, ANY_CHANGE } from '../page/parts.js';
import { text } from '../page/texts.js';

const MAX_ROWS = 500; // of a table on the page; copies have all
const PLACE = /^(b?box(es)?(_?2d)?|bounding_?box|point(_?2d)?|coordinates?|location|position|region|area|rect(angle)?)$/i;

const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);
const isTable = (value) => Array.isArray(value) && value.length > 0 && value.every(isObject);
const isGrid = ({ columns, rows }) => Array.isArray(columns) && Array.isArray(rows) && rows.every(Array.isArray);
const shown = (value) => (typeof value === 'string' ? value : JSON.stringify(value ?? null).replace(/^null$/, ''));

/**
 * The tables of a value: {name, head, rows}, where a row is a list of cells, each {path, value}.
 * @returns {any[]}
 */
export function tables(value, path = []) {
  if (isTable(value)) return [records(value, path)];
  if (Array.isArray(value)) return [{ name: path.join('.'), head: null, rows: value.map((one, i) => [{ path: [...path, i], value: one }]) }];
  if (!isObject(value)) return [{ name: '', head: null, rows: [[{ path, value }]] }];
  if (isGrid(value)) {
    const rows = value.rows.map((cells, i) => cells.map((cell, j) => ({ path: [...path, 'rows', i, j], value: cell })));
    return [{ name: path.join('.'), head: value.columns, rows }];
  }
  /** @type {any[]} */
  const own = [];
  /** @type {any[]} */
  const inner = [];
  for (const [key, part] of Object.entries(value)) {
    const at = [...path, key];
    if (isObject(part) && !isGrid(part)) {
      const [first, ...others] = tables(part, at);
      own.push(...first.rows);
      inner.push(...others);
    } else if (isTable(part) || isObject(part)) inner.push(...tables(part, at));
    else own.push([{ path: at, value: at.join('.'), fixed: true }, { path: at, value: part }]);
  }
  return [{ name: path.join('.'), head: null, rows: own }, ...inner];
}

function records(list, path) {
  const head = [...new Set(list.flatMap(Object.keys))];
  const rows = list.map((one, i) => head.map((key) => ({ path: [...path, i, key], value: one[key] })));
  return { name: path.join('.'), head, rows };
}

/** A value's tables as CSV, with an empty line between them. */
export function csv(value) {
  const quoted = (cell) => {
    // A spreadsheet would run what begins like a formula.
    const safe = typeof cell === 'string' && /^[=+@\t\r-]/.test(cell) ? `'${cell}` : shown(cell);
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  };
  const line = (cells) => `${cells.map(quoted).join(',')}\r\n`;
  const written = tables(value).filter(({ rows }) => rows.length);
  return written.map(({ head, rows }) => (head ? line(head) : '') + rows.map((cells) => line(cells.map((cell) => cell.value))).join('')).join('\r\n');
}

/** The paths of the objects that name a place, in the order of the text. */
export function placed(value, path = []) {
  if (typeof value !== 'object' || value === null) return [];
  const parts = Object.entries(value);
  const own = parts.some(([key, part]) => isObject(value) && PLACE.test(key) && Array.isArray(part) && part.length > 1 && part.every(Number.isFinite));
  return [...(own ? [path.join('.')] : []), ...parts.flatMap(([key, part]) => placed(part, [...path, key]))];
}

/** What a person has written into a cell, of the kind that was there. */
export function retyped(written, before) {
  if (written === '' && typeof before !== 'string') return null;
  if (typeof before === 'number' && Number.isFinite(Number(written))) return Number(written);
  if (typeof before === 'string' || before === null || before === undefined) return written;
  try { return JSON.parse(written); } catch { return written; }
}

function make(tag, className, ...children) {
  const made = document.createElement(tag);
  made.className = className;
  if (tag === 'button') made.type = 'button';
  made.append(...children);
  return made;
}

function put(value, path, given) {
  const last = path[path.length - 1];
  const host = path.slice(0, -1).reduce((outer, key) => outer[key], value);
  host[last] = retyped(given, host[last]);
}

function cell(figure, { path, value, fixed }) {
  const made = make(fixed ? 'th' : 'td', '', shown(value));
  if (fixed) made.scope = 'row';
  if (fixed || !path.length) return made;
  made.contentEditable = 'true';
  made.spellcheck = false;
  made.addEventListener('input', () => put(figure.value, path, made.textContent));
  made.addEventListener('keydown', (event) => { if (event.key === 'Enter') { event.preventDefault(); made.blur(); } });
  return made;
}

function point(figure, row, number) {
  const mark = () => figure.parentElement?.querySelectorAll('.marked .marks > *')[number];
  const say = (on) => () => mark()?.toggleAttribute('data-pointed', on);
  row.classList.add('placed');
  for (const event of ['pointerenter', 'focusin']) row.addEventListener(event, say(true));
  for (const event of ['pointerleave', 'focusout']) row.addEventListener(event, say(false));
}

function tableElement(figure, { name, head, rows }, links) {
  const body = rows.slice(0, MAX_ROWS).map((cells) => {
    const made = make('tr', '', ...cells.map((one) => cell(figure, one)));
    const path = cells[0]?.path.join('.') ?? '';
    const number = links.findIndex((link) => path === link || path.startsWith(`${link}.`));
    if (number >= 0) point(figure, made, number);
    return made;
  });
  const made = make('table', '', make('tbody', '', ...body));
  if (head) made.prepend(make('thead', '', make('tr', '', ...head.map((key) => make('th', '', shown(key))))));
  if (name) made.prepend(make('caption', '', name));
  return make('div', 'rows', made);
}

function figureOf(value, marks) {
  const made = /** @type {any} */ (make('figure', 'data'));
  made.value = value;
  const found = placed(value);
  const links = found.length === marks ? found : [];
  made.append(...tables(value).filter(({ rows }) => rows.length).map((one) => tableElement(made, one, links)));
  const [json, sheet] = [make('button', 'copy-json'), make('button', 'copy-csv')];
  json.addEventListener('click', () => copyText(json, JSON.stringify(made.value, null, 2)));
  sheet.addEventListener('click', () => copyText(sheet, csv(made.value)));
  made.append(make('div', 'bar', json, sheet));
  return made;
}

function parsed(said) {
  try { return JSON.parse(said); } catch { return undefined; }
}

function show(row, { text: said, data, places }) {
  const there = row.querySelector(':scope > figure.data');
  const value = data ? parsed(said) : undefined;
  const whole = typeof value === 'object' && value !== null;
  row.toggleAttribute('data-shown-as-table', whole);
  if (!whole) return there?.remove();
  const marks = places.reduce((count, picture) => count + picture.marks.length, 0);
  const version = `${marks} ${said}`;
  const made = there?.version === version ? there : Object.assign(figureOf(value, marks), { version });
  if (made !== there) {
    there?.remove();
    row.append(made);
  }
  const labels = { 'copy-json': text('copyJson'), 'copy-csv': text('copyCsv') };
  for (const [name, label] of Object.entries(labels)) {
    const button = made.querySelector(`.${name}`);
    if (button.dataset.label !== label) button.textContent = button.dataset.label = label;
  }
}

/** Call it when the page is ready. */
export function start() {
  const update = () => document.querySelectorAll('#chatbot .bot-row').forEach((row, i) => {
    if (drawn.answer(i)) show(row, drawn.answer(i));
  });
  new MutationObserver(update).observe($('#chatbot'), { childList: true, subtree: true });
  new MutationObserver(update).observe($('#page-texts'), ANY_CHANGE);
  whenDrawn(update);
  update();
}
