// The tray: sends changes of it to the server, which draws the cards.
import * as composer from '../composer/composer.js';
import { send, whenMounted } from '../page/elements.js';
import { opened } from '../opening/opening.js';
import { $, within } from '../page/parts.js';
import { whenRefused } from '../page/refusals.js';
import { text } from '../page/texts.js';

const SETTLE_MS = 20_000; // for an answer, and as long again for each file
const PAGES_MS = 600_000; // for pages of a document, of which there may be many

const mounted = new Promise((resolve) => { whenMounted('tray', resolve); });
let answered = opened; // the request before this one

let latest = { id: '', files: false, end: (_refusal) => {} }; // the request that is waited for

// Gives whether the files of the request get cards that say so.
function refused(posted) {
  const ours = latest.id && posted.includes(latest.id);
  if (ours) latest.end('notTaken');
  return ours && latest.files;
}

/**
 * Ask the server for a change of the tray; gives '' when it has answered, else why not: 'notTaken', 'silence'.
 *
 * The server answers by drawing the tray again, with the request's id in `data-drawn-for`; other events draw it, too.
 * Requests are sent one at a time: responses may arrive out of order, and the one that is drawn last must be the newest.
 */
export const request = (event, data) => answered = answered.then(async () => {
  const id = Math.random().toString(36).slice(2);
  const count = data.files?.length ?? 0;
  const patience = Math.max(SETTLE_MS * (1 + count), data.op?.startsWith('pages') ? PAGES_MS : 0);
  const refusal = drawnFor(await mounted, id, patience);
  latest.files = count > 0;
  send('tray', event, { ...data, request: id });
  return await refusal;
}).catch((error) => { reportError(error); return 'silence'; });

const drawnFor = (element, id, patience) => new Promise((resolve) => {
  const observer = new MutationObserver(() => {
    if (element.querySelector('[data-drawn-for]')?.dataset.drawnFor === id) ended('');
  });
  const ended = (refusal) => { observer.disconnect(); clearTimeout(timer); resolve(refusal); };
  const timer = setTimeout(ended, patience, 'silence');
  latest = { id, files: false, end: ended };
  observer.observe(element, { childList: true, subtree: true, attributeFilter: ['data-drawn-for'] });
});

// Writes on each card what the item costs and whether the model has read it. The server says so in elements of their own,
// because drawing the tray again would take away the focus.
function mark() {
  $('#page').toggleAttribute('data-attached', Boolean($('#tray li')));
  $('#settings').toggleAttribute('data-clip', Boolean($('#tray [data-kind=video]')));
  const read = new Set(($('#read-items [data-read-items]')?.dataset.readItems ?? '').split(' '));
  for (const card of $('#tray').querySelectorAll('li')) {
    const { id } = card.querySelector('[data-id]').dataset;
    const cost = $(`#cost-card [data-item="${id}"]`)?.dataset;
    const line = card.querySelector('p span');
    if (cost && line.textContent !== cost.tokens) line.textContent = cost.tokens;
    card.toggleAttribute('data-read', read.has(id));
    const name = card.querySelector('img').alt;
    card.title = [name, cost?.sizes, read.has(id) && text('read')].filter(Boolean).join(' · ');
  }
}

function press(event) {
  const button = event.target.closest('button[data-op]');
  if (!button) return;
  const { op, id } = button.dataset;
  if (op === 'pages_text') addText(button, id);
  else request('change_tray', { op, id });
}

const FIELD = '#tray input[data-pages]';

/** Other pages of a document: have the server attach those that its field names. Ends when they are in the tray. */
export async function choosePages(field) {
  field.setAttribute('aria-busy', 'true');
  field.readOnly = true;
  await request('change_tray', { op: 'pages', id: field.dataset.pages, pages: field.value });
  field.readOnly = false;
  field.removeAttribute('aria-busy');
  for (const shown of document.querySelectorAll(FIELD)) shown.value = shown.getAttribute('value');
}

/** The field for pages that an event is about. */
export const pagesField = (event) => within(event, FIELD);

// The text of the pages goes after what is written, where it can be read and changed before it is sent.
async function addText(button, id) {
  button.setAttribute('aria-busy', 'true');
  await request('change_tray', { op: 'pages_text', id });
  button.removeAttribute('aria-busy');
  const said = $('#tray [data-pages-text]')?.textContent;
  if (!said) return;
  const where = composer.editing() ? composer.EDIT_FIELD : composer.FIELD;
  const before = $(where).value.trimEnd();
  composer.write(before ? `${before}\n\n${said}` : said, where);
}

/** Call it when the page is ready. */
export function start() {
  whenRefused(refused);
  // Gradio keeps equal elements, and changes their attributes and texts only.
  const observed = { childList: true, subtree: true, attributeFilter: ['data-read-items', 'data-item', 'data-tokens'] };
  for (const place of ['#tray', '#read-items', '#cost-card']) new MutationObserver(mark).observe($(place), observed);
  whenMounted('tray', (element) => element.addEventListener('click', press));
  mark();
}
