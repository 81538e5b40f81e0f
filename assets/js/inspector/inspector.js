// One item looked at closely. The server draws the content into a hidden element; here it is put into a dialog, and
// what the person changes is sent back.
import { dialog } from '../page/dialog.js';
import { send, whenMounted } from '../page/elements.js';
import { $ } from '../page/parts.js';
import { whenRefused } from '../page/refusals.js';
import { askAbout, pointAt } from '../composer/region.js';
import { trimmer } from './trimmer.js';

const SETTLE_MS = 200; // debounces a dragged handle, which goes through many values
/** @type {any} */
let shown = null; // the dialog
let trimmed = () => ({}); // the part of the clip that is shown
let wanted = null; // id of the item to open; an answer that comes after its dialog was closed opens nothing
/** @type {ReturnType<typeof setTimeout> | undefined} */
let settling;
/** @type {Element | null} */
let waiting = null; // the picture that was pressed; its first frames may take the server seconds

const request = (data) => send('inspector', 'inspect', data);
const change = (op, values) => request({ op, id: shown?.dataset.id, ...values });

function waitFor(picture) {
  waiting?.removeAttribute('aria-busy');
  waiting = picture;
  waiting?.setAttribute('aria-busy', 'true');
}

function look(picture) {
  waitFor(picture);
  wanted = picture.dataset.look;
  request({ op: 'look', id: wanted });
}

const place = (box) => ({ id: shown.dataset.id, box });

function makePointable() {
  const frame = shown.querySelector('.grid');
  shown.querySelector('.bar > .primary')?.remove();
  if (frame) shown.querySelector('.bar').append(askAbout(frame, place));
}

function open(drawn) {
  waitFor(null);
  const content = document.createElement('div');
  content.innerHTML = drawn.innerHTML;
  shown = dialog(drawn.dataset.label, content);
  shown.classList.add('inspector');
  const alone = document.querySelectorAll('#tray [data-look]').length === 1; // there is nowhere to move it
  for (const move of shown.querySelectorAll('[data-op=move]')) move.hidden = alone;
  shown.dataset.id = drawn.dataset.id;
  shown.addEventListener('close', () => {
    if (document.activeElement === document.body) $(`#tray [data-look="${shown.dataset.id}"]`)?.focus();
    if (settling) sendResolution();
    shown = wanted = null;
  });
  shown.addEventListener('submit', (event) => event.preventDefault());
  shown.addEventListener('change', changed);
  shown.addEventListener('click', pressed);
  showFields();
  makePointable();
  trimmed = trimmer(shown);
  shown.querySelector('select').focus();
}

function redraw(drawn) {
  shown.querySelector('h2').textContent = drawn.dataset.label;
  shown.querySelector('[data-part=model-view]').innerHTML = drawn.querySelector('[data-part=model-view]').innerHTML;
  makePointable();
}

// Shows the fields that the chosen level needs.
function showFields() {
  const form = shown.querySelector('form');
  form.dataset.chosen = form.elements.level.value;
}

function sendResolution() {
  clearTimeout(settling);
  settling = undefined;
  const fields = Object.fromEntries(new FormData(shown.querySelector('form')));
  const resolution = { level: fields.level };
  for (const [name, value] of Object.entries(fields))
    if (!['level', 'start', 'end'].includes(name) && value !== '') resolution[name] = Number(value);
  change('set_resolution', { ...resolution, ...trimmed() });
}

function changed(event) {
  if (event.target.closest('details')) return;
  if (event.target.matches('[data-grid]')) return shown.toggleAttribute('data-grid', event.target.checked);
  showFields();
  clearTimeout(settling);
  settling = setTimeout(sendResolution, SETTLE_MS);
}

function pressed(event) {
  const { op, places } = event.target.closest('button[data-op]')?.dataset ?? {};
  if (op === 'point') pointAt(place([...shown.querySelectorAll('details input')].map((side) => Number(side.value) / 100)));
  if (op === 'move') change('move', { places: Number(places) });
  if (op === 'detach') {
    $(`#tray [data-op=detach][data-id="${shown.dataset.id}"]`)?.click();
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
  if (event.target.closest('#cost-card [data-undo-fit]')) request({ op: 'undo_fit' });
  if (event.target.closest('#cost-card [data-fit]'))
    request({ op: 'fit', budget: Number($('#cost-card details input').value) || null });
}

export function start() {
  whenMounted('inspector', (element) => {
    // Gradio keeps equal elements, and changes their attributes and texts only.
    new MutationObserver(() => drawn(element))
      .observe(element, { childList: true, subtree: true, attributeFilter: ['data-drawn'] });
  });
  document.addEventListener('click', press);
  whenRefused((posted) => {
    if (posted.includes('"op":"look"')) waitFor(null);
    return false;
  });
}
