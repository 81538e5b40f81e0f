// Shows an answer that is data as tables under it, which can be edited, and copied as JSON or CSV. A row that names a place
// points at its box on the picture.
import { whenDrawn } from '../conversation/conversation.js';
import * as drawn from '../conversation/drawn.js';
import { copyText } from '../page/copy_button.js';
import { $, ANY_CHANGE, make } from '../page/parts.js';
import { text } from '../page/texts.js';
import { csv, placed, retyped, shown, tables } from './tables.js';

const MAX_ROWS = 500; // of a table on the page; copies have all

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
