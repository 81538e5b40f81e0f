// One message under two settings: runs in the gr.HTML of the form that says what differs, which lends it
// `element` and `trigger`. The answers are drawn into `#compared` by the server.
const { one, whenReady } = qwenVlChat;
const { keyboard } = qwenVlModules;
const VIEW = '#compare';
let taken = {};
let touched = false; // what differs is somebody's choice
let asked = false; // and the answers are not on the page yet

const open = () => location.hash === VIEW;
const running = () => Boolean(one('#compared [data-running]'));
const row = (name) => element.querySelector(`.row[data-name="${name}"]`);
const rows = () => [...element.querySelectorAll('.row:not([hidden])')];

function value(field) {
  if (field.type === 'checkbox') return field.checked;
  if (field.type === 'number') return field.value === '' ? null : Number(field.value);
  return field.value;
}

// What each side asks for, by name.
const sides = () => [0, 1].map((side) => Object.fromEntries(
  rows().map((shown) => [shown.dataset.name, value(shown.querySelector(`[name="${side}"]`))]),
));

const look = () => trigger('select', touched ? { sides: sides() } : {});
// The controls have other limits and start elsewhere.
qwenVlChat.startsOtherwise = () => { if (open()) look(); };

function compare() {
  if (running()) return;
  asked = true;
  trigger('submit', { sides: sides() });
}

const stop = () => trigger('stop');

function mark() {
  one('#page').dataset.view = open() ? 'compare' : 'chat';
  for (const link of one('#views').querySelectorAll('a')) {
    if ((link.hash === VIEW) === open()) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
}

function show() {
  mark();
  if (open()) look();
}

function drawn() {
  label();
  if (asked) one('#compared').scrollIntoView({ block: 'start' });
  asked = false;
}

function label() {
  const button = element.querySelector('button.primary');
  if (button) button.textContent = running() ? button.dataset.stop : button.dataset.run;
}

function add(name) {
  touched = true;
  for (const wanted of [name, row(name).dataset.partner])
    if (wanted) row(wanted).hidden = false;
  row(name).querySelector('[name="1"]').focus();
}

function drop(shown) {
  touched = true;
  for (const name of [shown.dataset.name, shown.dataset.partner])
    if (name) row(name).hidden = true;
  element.querySelector('select').focus();
}

function take(settings) {
  taken = JSON.parse(settings);
  trigger('apply');
  location.hash = '#chat';
  one('#composer textarea').focus();
}
qwenVlChat.takenSettings = () => qwenVlChat.settingsWith(taken);

element.addEventListener('input', () => { touched = true; });
element.addEventListener('submit', (event) => {
  event.preventDefault();
  running() ? stop() : compare();
});
element.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-op]');
  if (button?.dataset.op === 'add') add(element.querySelector('select').value);
  if (button?.dataset.op === 'drop') drop(button.closest('.row'));
});
document.addEventListener('click', (event) => {
  const button = event.target.closest('#compared [data-op=take]');
  if (button) take(button.dataset.settings);
});

// Whoever sends while comparing wants this message compared; tray.js holds it back while files come in.
function sent(event) {
  if (!open() || one('#composer').hasAttribute('data-uploading')) return;
  event.preventDefault();
  event.stopPropagation();
  compare();
}
document.addEventListener('keydown', (event) => {
  if (keyboard.sends(event) && event.target.matches('#composer textarea')) sent(event);
  if (keyboard.leaves(event) && open() && running() && !one('dialog[open]')) {
    event.preventDefault();
    stop();
  }
}, true);
document.addEventListener('click', (event) => {
  if (event.target.closest('#composer [data-testid=submit-button]')) sent(event);
}, true);

// Who was away for a while may have lost the connection over which the answers came.
document.addEventListener('visibilitychange', () => { if (!document.hidden && running()) look(); });
addEventListener('hashchange', show);
whenReady(() => {
  const anything = { childList: true, subtree: true, characterData: true };
  new MutationObserver(drawn).observe(one('#compared'), { ...anything, attributeFilter: ['data-running'] });
  new MutationObserver(label).observe(element, { childList: true });
  // Another language.
  new MutationObserver(() => { mark(); if (element.querySelector('form')) look(); }).observe(one('#views'), anything);
  mark();
  if (open()) opened();
});

// The server knows the page as soon as it says what runs.
function opened() {
  one('#model-banner strong') ? look() : setTimeout(opened, 100);
}
