// Draws the places that answers name: a figure for each picture, with a table, under the answer. Draws the crop of a region
// beside the question about it.
import { whenDrawn } from '../conversation/conversation.js';
import { copyText } from '../page/copy_button.js';
import { send } from '../page/elements.js';
import { enlarge } from '../conversation/enlarged.js';
import * as drawn from '../conversation/drawn.js';
import { $, ANY_CHANGE, make } from '../page/parts.js';
import { text } from '../page/texts.js';

const figures = new Map(); // by answer and picture; they are moved when the finished answer is drawn

function percent(element, values, [width, height]) {
  const along = { left: width, width, top: height, height };
  for (const [name, value] of Object.entries(values)) element.style[name] = `${100 * value / along[name]}%`;
}

const PHONE_PX = 374; // width of the column
const CAPTION_PX = 20;
const NARROW = 0.25; // width / height; a narrower picture has no room for captions

// Positions are in per cent of the picture, so that it can have any size.
function markElement({ place, caption, colour }, size) {
  const { x1, y1, x2, y2, x, y } = place;
  const [width, height] = size;
  const shown = Math.max(64, Math.min(420, PHONE_PX * height / width)); // pixels high, at least
  const mark = make('span', x === undefined ? 'box' : 'point', make('span', 'caption', caption));
  percent(mark, x === undefined ? { left: x1, top: y1, width: x2 - x1, height: y2 - y1 } : { left: x, top: y }, size);
  mark.style.setProperty('--colour', colour);
  mark.toggleAttribute('data-at-top', (y1 ?? y) / height * shown < CAPTION_PX);
  mark.toggleAttribute('data-at-right', (x1 ?? x) > width / 2 && width / height > NARROW);
  return mark;
}

function frame({ src, size }) {
  const picture = make('img', '');
  Object.assign(picture, { src, alt: '', draggable: false });
  const made = make('span', 'frame', picture, make('span', 'marks'));
  made.style.setProperty('--ratio', size[0] / size[1]);
  return made;
}

function row(tag, cells) {
  return make('tr', '', ...cells.map((cell) => make(tag, '', `${cell ?? ''}`)));
}

function table(marks) {
  const head = row('th', ['#', text('placeLabel'), 'x1', 'y1', 'x2', 'y2']);
  const rows = marks.map(({ place: { label, x1, y1, x2, y2, x, y }, colour }, index) => {
    const made = row('td', [index + 1, label, x1 ?? x, y1 ?? y, x2, y2]);
    made.style.setProperty('--colour', colour);
    return made;
  });
  return make('table', '', make('thead', '', head), make('tbody', '', ...rows));
}

function figure(answer, picture) {
  const open = make('button', 'canvas', frame(picture));
  open.style.setProperty('--ratio', picture.size[0] / picture.size[1]);
  open.style.setProperty('--natural', `${picture.size[0]}px`);
  open.toggleAttribute('data-narrow', picture.size[0] / picture.size[1] <= NARROW);
  const copy = make('button', 'copy-places');
  const save = make('button', 'save-marked');
  const made = make('figure', 'marked', make('figcaption', ''), open,
    make('details', '', make('summary', ''), make('div', 'rows'), copy), save);
  open.addEventListener('click', () => enlarge(made.querySelector('.frame').cloneNode(true), open.ariaLabel));
  copy.addEventListener('click', () => copyText(copy, made.dataset.places));
  save.addEventListener('click', () => send('places', 'save', { answer, picture: picture.number }));
  return made;
}

function fill(made, picture) {
  const { marks, name, number, oneOf, size: [width, height] } = picture;
  const version = JSON.stringify([document.documentElement.lang, text('enlarge'), marks]);
  if (made.version === version) return;
  made.version = version;
  made.dataset.places = JSON.stringify(marks.map(({ place }) => place));
  made.querySelector('.marks').replaceChildren(...marks.map((mark) => markElement(mark, picture.size)));
  made.querySelector('.rows').replaceChildren(table(marks));
  made.querySelectorAll('tbody tr').forEach((row, index) => {
    const mark = made.querySelector('.marks').children[index];
    row.addEventListener('pointerenter', () => mark.toggleAttribute('data-pointed', true));
    row.addEventListener('pointerleave', () => mark.toggleAttribute('data-pointed', false));
  });
  made.querySelector('figcaption').textContent = oneOf > 1 ? `${text('imageNumber', { number })} · ${name}` : '';
  made.querySelector('.canvas').ariaLabel = text('enlarge').replace('{name}', name);
  made.querySelector('summary').textContent = text('places').replace('{width}', width).replace('{height}', height);
  made.querySelector('.copy-places').textContent = text('copyJson');
  made.querySelector('.save-marked').textContent = text('saveMarked');
}

function show(host, answer, pictures) {
  const wanted = pictures.map((picture) => {
    const name = `${answer} ${picture.number} ${picture.src}`;
    if (!figures.has(name)) figures.set(name, figure(answer, picture));
    fill(figures.get(name), picture);
    return figures.get(name);
  });
  if (!wanted.length && !host.querySelector(':scope > .marked')) return;
  const there = [...host.querySelectorAll(':scope > .marked')];
  if (wanted.length === there.length && wanted.every((made, i) => made === there[i])) return;
  for (const made of there) if (!wanted.includes(made)) made.remove();
  host.append(...wanted);
}

// A background's position is a share of the room that is left beside it.
function crop({ src, size: [width, height], marks: [{ place: { x1, y1, x2, y2 } }] }) {
  const made = make('i', 'crop');
  const [across, down] = [(x2 - x1) / width, (y2 - y1) / height];
  const at = (start, share) => `${share < 1 ? 100 * start / (1 - share) : 0}%`;
  made.style.setProperty('--ratio', `${(x2 - x1) / (y2 - y1)}`);
  made.style.backgroundImage = `url("${src}")`;
  made.style.backgroundSize = `${100 / across}% ${100 / down}%`;
  made.style.backgroundPosition = `${at(x1 / width, across)} ${at(y1 / height, down)}`;
  return made;
}

// Sentences of regions come first among a message's texts.
function showRegions(row, regions) {
  if (!regions.length && !row.querySelector('.crop')) return;
  row.querySelectorAll('.user > .message:not(.component)').forEach((sentence, i) => {
    const [there, version] = [sentence.querySelector(':scope > .crop'), JSON.stringify(regions[i] ?? '')];
    if ((there?.dataset.version ?? '""') === version) return;
    there?.remove();
    if (!regions[i]) return;
    const made = crop(regions[i]);
    made.dataset.version = version;
    sentence.prepend(made);
  });
}

/** Call it when the page is ready. */
export function start() {
  const live = make('div', '');
  live.id = 'live-places';
  $('#live').after(live);

  function updateLive() {
    show(live, drawn.places().length, JSON.parse($('#run-state [data-places]')?.dataset.places ?? '[]'));
  }

  function update() {
    const [answers, regions] = [drawn.places(), drawn.regions()];
    document.querySelectorAll('#chatbot .bot-row').forEach((row, i) => { show(row, i, answers[i] ?? []); });
    updateLive();
    document.querySelectorAll('#chatbot .user-row').forEach((row, i) => { showRegions(row, regions[i] ?? []); });
  }

  const observer = new MutationObserver(update);
  observer.observe($('#chatbot'), { childList: true, subtree: true });
  observer.observe($('#page-texts'), ANY_CHANGE);
  whenDrawn(() => {
    if (!drawn.places().length) figures.clear();
    update();
  });
  // It changes with each piece of an answer.
  new MutationObserver(updateLive).observe($('#run-state'), ANY_CHANGE);
  update();
}
