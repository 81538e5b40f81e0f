// Adds buttons to each turn of the conversation, which Gradio draws.
import { copy } from './conversation.js';
import { send } from '../page/elements.js';
import { $, ANY_CHANGE, within } from '../page/parts.js';
import { text } from '../page/texts.js';

const rows = (side) => [...document.querySelectorAll(`#chatbot .${side}-row`)];

function button(kind, label) {
  const made = document.createElement('button');
  made.type = 'button';
  made.className = `turn-button ${kind}`;
  return named(made, label);
}

function named(button, label) {
  if (button.getAttribute('aria-label') !== label) {
    button.setAttribute('aria-label', label);
    button.title = label;
    button.textContent = label;
  }
  return button;
}

function offer(row, kind, label) {
  const there = row.querySelector(`:scope > .${kind}`);
  there ? named(there, label) : row.append(button(kind, label));
}

function said() {
  const { editing, side } = $('#run-state [data-state]')?.dataset ?? {};
  return `${editing} ${side}`;
}
let marked = ''; // what is shown as being rewritten

// A message or an answer that is being rewritten has a box in its place (edit_box.js). What follows will be replaced, and
// is dimmed.
function markEdited() {
  marked = said();
  const { editing = Infinity, side } = $('#run-state [data-editing]')?.dataset ?? {};
  const edited = Number(editing);
  rows('user').forEach((row, turn) => {
    markAs(row, turn === edited && side === 'user');
    mark(row, 'replaced', turn > edited);
  });
  rows('bot').forEach((row, turn) => {
    markAs(row, turn === edited && side === 'bot');
    mark(row, 'replaced', turn > edited || (turn === edited && side === 'user'));
  });
}

function markAs(row, edited) {
  mark(row, 'edited', edited);
  row.querySelector(':scope > .flex-wrap')?.toggleAttribute('inert', edited);
}


function decorate() {
  for (const row of rows('user')) offer(row, 'edit-turn', text('edit'));
  for (const row of rows('bot')) offer(row, 'copy-answer', text('copy'));
  markEdited();
  number();
  for (const picture of document.querySelectorAll('#chatbot button:has(> .image-frame)')) {
    const image = picture.querySelector('img');
    picture.toggleAttribute('data-loading', image?.complete === false);
    const name = decodeURIComponent(image?.src.split('/').pop() ?? '');
    if (picture.getAttribute('aria-label') !== name) picture.setAttribute('aria-label', name);
  }
}

// As the model is told their numbers: pictures and clips each by themselves.
function number() {
  let [pictures, clips] = [0, 0];
  /** @type {NodeListOf<HTMLElement>} */
  const attached = document.querySelectorAll('#chatbot .user-row .component');
  for (const shown of attached) {
    const clip = shown.querySelector('video');
    const said = clip ? `▶ ${++clips}` : `${++pictures}`;
    if (!clip) delete shown.dataset.length; // Gradio draws another chat's picture in a clip's place
    if (shown.dataset.number !== said) shown.dataset.number = said;
  }
}

// A clip looks like one: how long it is, and a mark until it plays.
function showLength({ target: video }) {
  const shown = video.closest('.component');
  if (!shown || !Number.isFinite(video.duration)) return;
  const seconds = Math.round(video.duration);
  shown.dataset.length = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
  shown.toggleAttribute('data-playing', !video.paused);
}

// The buttons below the latest answer are icons on a phone: their names are tooltips, too.
function nameActions() {
  for (const button of $('#actions').querySelectorAll('button')) {
    const name = button.textContent.trim();
    if (button.title !== name) button.title = name;
  }
}

// Only what changes: the conversation is observed.
function mark(row, name, wanted) {
  if (row.classList.contains(name) !== wanted) row.classList.toggle(name, wanted);
}

function press(event) {
  const pressed = event.target.closest('.turn-button');
  if (!pressed) return;
  const row = pressed.closest('.message-row');
  if (pressed.matches('.edit-turn')) send('turns', 'edit', { turn: rows('user').indexOf(row) });
  else copy(pressed, rows('bot').indexOf(row));
}

/** Call it when the page is ready. */
export function start() {
  document.addEventListener('click', press);
  for (const kind of ['load', 'error']) {
    $('#chatbot').addEventListener(kind, (event) => { within(event, '[data-loading]')?.removeAttribute('data-loading'); }, true);
  }
  for (const kind of ['loadedmetadata', 'play', 'pause']) $('#chatbot').addEventListener(kind, showLength, true);
  const observer = new MutationObserver(decorate);
  observer.observe($('#chatbot'), { childList: true, subtree: true });
  observer.observe($('#page-texts'), ANY_CHANGE);
  // It changes with each piece of an answer, and seldom says that something else is being rewritten.
  new MutationObserver(() => { if (said() !== marked) markEdited(); }).observe($('#run-state'), ANY_CHANGE);
  decorate();
  new MutationObserver(nameActions).observe($('#actions'), { childList: true, characterData: true, subtree: true });
  nameActions();
}
