// One item looked at closely. The server draws the content into a hidden element; here it is put into a dialog, and
// what the person changes is sent back.
import { button, dialog } from '../page/dialog.js';
import { tell as send, whenMounted } from '../page/elements.js';
import { one } from '../page/parts.js';
import { pointable, pointAt } from '../composer/region.js';
import { text } from '../page/texts.js';

const SETTLE_MS = 200; // a handle that is being dragged goes through many values that nobody wants
/** @type {any} */
let shown = null; // the dialog
let wanted = null; // the item that is to be seen: what the server draws after that was closed stays closed
/** @type {ReturnType<typeof setTimeout> | undefined} */
let settling;

const ask = (data) => send('inspector', 'select', data);
const tell = (op, more = {}) => ask({ op, id: shown?.dataset.id, ...more });

function look(picture) {
  wanted = picture.dataset.look;
  ask({ op: 'look', id: wanted });
}

function point(box) {
  pointAt({ id: shown.dataset.id, box });
}

function pointing() {
  const frame = shown.querySelector('.grid');
  if (frame) pointable(frame, point);
}

function open(drawn) {
  const content = document.createElement('div');
  content.innerHTML = drawn.innerHTML;
  shown = dialog(drawn.dataset.label, content, button(text('close'), 'close', () => shown.close()));
  shown.classList.add('inspector');
  shown.dataset.id = drawn.dataset.id;
  shown.addEventListener('close', () => {
    if (document.activeElement === document.body) one(`#tray [data-look="${shown.dataset.id}"]`)?.focus();
    if (settling) wish();
    shown = wanted = null;
  });
  shown.addEventListener('submit', (event) => event.preventDefault());
  shown.addEventListener('change', changed);
  shown.addEventListener('input', dragged);
  shown.addEventListener('click', pressed);
  unfold();
  pointing();
  shown.querySelector('select').focus();
}

function redraw(drawn) {
  shown.querySelector('h2').textContent = drawn.dataset.label;
  shown.querySelector('[data-part=seen]').innerHTML = drawn.querySelector('[data-part=seen]').innerHTML;
  pointing();
}

// Only the fields that the chosen level needs.
function unfold() {
  const form = shown.querySelector('form');
  form.dataset.chosen = form.elements.level.value;
}

function wish() {
  clearTimeout(settling);
  settling = undefined;
  const fields = Object.fromEntries(new FormData(shown.querySelector('form')));
  const wished = { level: fields.level };
  for (const [name, value] of Object.entries(fields))
    if (name !== 'level' && value !== '') wished[name] = Number(value);
  const { start, end } = shown.querySelector('form').elements;
  // A handle at its end of the clip trims nothing.
  if (start && Number(start.value) <= Number(start.min)) delete wished.start;
  if (end && Number(end.value) >= Number(end.max)) delete wished.end;
  tell('see', wished);
}

function changed(event) {
  if (event.target.closest('details')) return;
  if (event.target.matches('[data-grid]')) return shown.toggleAttribute('data-grid', event.target.checked);
  unfold();
  clearTimeout(settling);
  settling = setTimeout(wish, SETTLE_MS);
}

const clock = (s) => `${Math.floor(s / 60)}:${(s % 60).toFixed(1).padStart(4, '0')}`;

function dragged(event) {
  const handle = event.target;
  if (handle.type !== 'range') return;
  handle.parentElement.querySelector('output').value = clock(Number(handle.value));
}

function pressed(event) {
  const { op, places } = event.target.closest('button[data-op]')?.dataset ?? {};
  if (op === 'point') point([...shown.querySelectorAll('details input')].map((side) => Number(side.value) / 100));
  if (op === 'move') tell('move', { places: Number(places) });
  if (op === 'detach') {
    one(`#tray [data-op=detach][data-id="${shown.dataset.id}"]`)?.click();
    shown.close();
  }
}

function drawn(element) {
  const content = element.querySelector('[data-id]');
  if (!content) return;
  if (!shown && content.dataset.id === wanted) open(content);
  else if (shown?.dataset.id === content.dataset.id) redraw(content);
}

function press(event) {
  const picture = event.target.closest('#tray [data-look]');
  if (picture) look(picture);
  if (event.target.closest('#cost-card [data-fit]'))
    ask({ op: 'fit', budget: Number(one('#cost-card details input').value) || null });
}

export function start() {
  whenMounted('inspector', (element) => {
    // What is alike Gradio leaves standing, and changes only its attributes and texts.
    new MutationObserver(() => drawn(element))
      .observe(element, { childList: true, subtree: true, attributeFilter: ['data-drawn'] });
  });
  document.addEventListener('click', press);
}
