// The list of chats, at the left of the page. It is closed on the first visit and remembers whether it was open.
import { leaves } from '../browser/keyboard.js';
import { local } from '../browser/storage.js';
import { focus } from '../composer/composer.js';
import { owner } from '../opening/opening.js';
import { button } from '../page/dialog.js';
import { $, within } from '../page/parts.js';
import { language } from '../page/language.js';
import { megabytes, text, whenSaid } from '../page/texts.js';
import * as sidebar from '../settings/sidebar.js';
import { choose, chosen, whenChosen } from './choice.js';
import { alone, current, whenKept } from './keeping.js';
import { nameOf, rename } from './renaming.js';
import { reopen } from './reopening.js';
import * as store from './store.js';

const PANEL = 'qwen-vl-chat-panel'; // 'open' or 'closed'
const ENTRY = '#chats-entry button';
// A question stands until it is answered, a field until it is left. A pressed button that is replaced is never clicked.
const UNDER_WAY = '.danger, input, button:active';

const made = (tag, className, ...children) => {
  const element = Object.assign(document.createElement(tag), { className });
  element.append(...children);
  return element;
};

/** @type {HTMLElement} */
let panel;

/** @type {string[]} */
const pictures = []; // addresses of the thumbnails that are shown
let enters = false; // whether the focus goes into the list when it is drawn
let opening = ''; // the id of the chat that is being opened
let next; // the chat that was pressed meanwhile
let putOff = false; // whether the list was to be drawn while something was under way

function show(open, kept = true) {
  panel.hidden = !open;
  document.body.toggleAttribute('data-chats', open); // with `:has` each piece of an answer would restyle the page
  $(ENTRY)?.setAttribute('aria-expanded', String(open));
  if (kept) local.set(PANEL, open ? 'open' : 'closed');
  if (!open) return;
  sidebar.close();
  draw();
}

function close() {
  show(false);
  $(ENTRY)?.focus();
}

function when(at) {
  const date = new Date(at);
  const today = date.toDateString() === new Date().toDateString();
  return date.toLocaleString(language(), today ? { timeStyle: 'short' } : { dateStyle: 'medium' });
}

async function open(record) {
  next = undefined;
  if (opening) {
    if (record.id !== opening) next = record;
    return;
  }
  opening = record.id;
  draw();
  const done = await reopen(record);
  opening = '';
  if (next) return open(next);
  if (done && sidebar.narrow()) show(false);
  await draw();
  if (done) focus();
}

// Replaces an element's content by a question. Cancel gets the focus.
function question(place, said, yes, confirmed) {
  const before = [...place.childNodes];
  const restore = () => place.replaceChildren(...before);
  const no = button(text('cancel'), '', () => {
    restore();
    place.querySelector('.asks').focus();
    draw();
  });
  const sure = button(yes, 'danger', () => {
    restore();
    confirmed();
  });
  place.replaceChildren(made('p', '', said), sure, no);
  no.focus();
}

// At once, and again after what is just being kept, which may be one of them.
function removed(of) {
  const remove = () => store.remove(of).catch(() => {});
  alone(() => remove().then(() => true));
  return remove();
}

async function remove(record) {
  await removed(({ id }) => id === record.id);
  await draw();
  buttons()[0]?.focus();
}

async function forget() {
  choose('no');
  await removed((one) => one.owner === owner());
  await draw();
  buttons()[0]?.focus();
}

async function renamed({ id }) {
  const left = document.activeElement === document.body; // not for something else on the page
  await draw();
  if (left) $(`#chats [data-id="${CSS.escape(id)}"] .pen`)?.focus();
}

function row(record) {
  const shown = (record.thumbnails ?? []).map((blob) => {
    pictures.push(URL.createObjectURL(blob));
    return Object.assign(document.createElement('img'), { src: pictures.at(-1), alt: '' });
  });
  const time = opening === record.id ? text('chatsOpening') : when(record.at);
  const words = made('span', 'words', made('span', 'title', nameOf(record)), made('span', 'when', time));
  const way = button('', 'chat', () => open(record));
  way.append(made('span', 'thumbnails', ...shown), words);
  if (record.id === current()) way.setAttribute('aria-current', 'true');
  const item = made('li', '', way);
  item.dataset.id = record.id;
  const pen = button('', 'pen', () => rename(item, record, () => renamed(record)));
  const bin = button('', 'asks bin', () =>
    question(item, text('chatsDeleteAsk'), text('chatsDeleteNow'), () => remove(record)));
  pen.ariaLabel = pen.title = text('chatsRename', { title: nameOf(record) });
  bin.ariaLabel = bin.title = text('chatsDelete', { title: nameOf(record) });
  item.append(pen, bin);
  return item;
}

function foot(all, most) {
  const place = made('footer', '');
  const size = megabytes(most.bytes);
  if (chosen() === 'yes') place.append(made('p', '', text('chatsLimits', { count: most.chats, size })));
  else place.append(made('p', '', text('chatsOff')), button(text('chatsKeep'), '', () => choose('yes')));
  if (!all.length && chosen() !== 'yes') return place;
  const way = made('div', 'question');
  way.append(button(text('chatsForget'), 'asks', () =>
    question(way, text('chatsForgetAsk'), text('chatsForgetNow'), forget)));
  place.append(way);
  return place;
}

let latest = 0;

const buttons = () => [...panel.querySelectorAll('button')];

function underWay() {
  putOff = Boolean(panel.querySelector(UNDER_WAY));
  return putOff;
}

// After the click, which comes in the same task.
function released() {
  setTimeout(() => { if (putOff) draw(); });
}

async function draw() {
  if (panel.hidden || underWay()) return;
  latest += 1;
  const mine = latest;
  const all = await store.list(owner()).catch(() => []);
  const most = await store.limits();
  if (mine !== latest || underWay()) return; // a later one has begun, or something else
  const focused = buttons().indexOf(/** @type {any} */ (document.activeElement));
  for (const url of pictures.splice(0)) URL.revokeObjectURL(url);
  const leave = button('✕', 'close', close);
  leave.ariaLabel = leave.title = text('close');
  const rows = made('ul', '', ...all.map(row));
  const empty = chosen() === 'yes' && !all.length ? [made('p', 'empty', text('chatsEmpty'))] : [];
  panel.ariaLabel = text('chats');
  panel.replaceChildren(made('header', '', made('h2', '', text('chats')), leave), ...(all.length ? [rows] : empty), foot(all, most));
  if (focused >= 0 || enters) buttons()[enters ? 0 : Math.min(focused, buttons().length - 1)].focus();
  enters = false;
}

export function start() {
  panel = Object.assign(document.createElement('aside'), { id: 'chats', hidden: true });
  $('#page').before(panel);
  document.addEventListener('click', (event) => {
    if (!within(event, ENTRY)) return;
    enters = Boolean(panel.hidden);
    show(panel.hidden);
  });
  panel.addEventListener('keydown', (event) => {
    if (!leaves(event)) return;
    event.preventDefault();
    event.stopPropagation();
    close();
  });
  for (const kind of ['pointerup', 'pointercancel', 'keyup']) document.addEventListener(kind, released);
  sidebar.whenOpened(() => { if (!panel.hidden) show(false); });
  for (const listen of [whenChosen, whenKept]) listen(draw);
  whenSaid(draw);
  if (local.get(PANEL) === 'open' && !sidebar.narrow() && !$('#settings.open')) show(true, false);
}
