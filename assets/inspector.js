// One item looked at closely: runs in a hidden gr.HTML, which lends it `element` and `trigger`. The server
// draws the content there; here it is put into a dialog, and what the person changes is sent back.
const { one, text, dialog, button } = qwenVlChat;
const SETTLE_MS = 200; // a handle that is being dragged goes through many values that nobody wants
let shown = null;
let wanted = null; // the item that is to be seen: what the server draws after that was closed stays closed
let settling = 0;

const tell = (op, more = {}) => trigger('select', { op, id: shown?.dataset.id, ...more });

function look(picture) {
  wanted = picture.dataset.look;
  trigger('select', { op: 'look', id: wanted });
}

qwenVlChat.tellTray = (op, more) => trigger('select', { op, ...more });

function point(box) {
  qwenVlChat.pointAt({ id: shown.dataset.id, box });
}

function pointing() {
  const frame = shown.querySelector('.grid');
  if (frame) qwenVlChat.pointable(frame, point);
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
  settling = 0;
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

// What is alike Gradio leaves standing, and changes only its attributes and texts.
new MutationObserver(() => {
  const drawn = element.querySelector('[data-id]');
  if (!drawn) return;
  if (!shown && drawn.dataset.id === wanted) open(drawn);
  else if (shown?.dataset.id === drawn.dataset.id) redraw(drawn);
}).observe(element, { childList: true, subtree: true, attributeFilter: ['data-drawn'] });

document.addEventListener('click', (event) => {
  const picture = event.target.closest('#tray [data-look]');
  if (picture) look(picture);
  if (event.target.closest('#cost-card [data-fit]'))
    trigger('select', { op: 'fit', budget: Number(one('#cost-card details input').value) || null });
});
document.addEventListener('keydown', (event) => {
  if (!event.target.matches?.('#tray [data-look]') || ![' ', 'Enter'].includes(event.key)) return;
  event.preventDefault();
  look(event.target);
});
