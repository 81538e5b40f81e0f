// Compares one message under two settings, or of two checkpoints. The form says what differs; the server draws the answers into `#compared`.
import * as composer from '../composer/composer.js';
import * as keyboard from '../browser/keyboard.js';
import { opened } from '../opening/opening.js';
import { send, whenMounted } from '../page/elements.js';
import { $, whenReady, within } from '../page/parts.js';
import { settingsWith, whenDefaultsChange } from '../settings/settings.js';

const VIEW = '#compare';
/** @type {any} */
let element = null; // the form, once it is there
let taken = {};
let touched = false; // whether the person has changed the form
let asked = false; // whether answers were asked for that are not on the page yet

/** Whether the comparison is shown. */
export const open = () => location.hash === VIEW;
const running = () => Boolean($('#compared [data-running]'));
const row = (name) => element.querySelector(`.row[data-name="${name}"]`);
const choice = () => element.querySelector('.bar select'); // of what may differ
const rows = () => [...element.querySelectorAll('.row:not([hidden])')];

function value(field) {
  if (field.type === 'checkbox') return field.checked;
  if (field.type === 'number') return field.value === '' ? null : Number(field.value);
  return field.value;
}

// The settings of each side that differ from the page's, by name.
const sides = () => [0, 1].map((side) => Object.fromEntries(
  rows().map((shown) => [shown.dataset.name, value(shown.querySelector(`[name="${side}"]`))]),
));

const look = () => send('comparison', 'show', touched ? { sides: sides() } : {});

function compare() {
  if (running()) return;
  asked = true;
  send('comparison', 'compare', { sides: sides() });
}

const stop = () => send('comparison', 'stop');

function mark() {
  $('#page').dataset.view = open() ? 'compare' : 'chat';
  for (const link of $('#views').querySelectorAll('a')) {
    if ((link.hash === VIEW) === open()) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
}

function show() {
  if (!element) return;
  mark();
  if (open()) look();
}

function drawn() {
  label();
  // Not `scrollIntoView`, which scrolls what lies around, too.
  const view = $('#comparison');
  if (asked) view.scrollTop += $('#compared').getBoundingClientRect().top - view.getBoundingClientRect().top;
  asked = false;
}

function label() {
  const button = element.querySelector('button.primary');
  if (button) button.textContent = running() ? button.dataset.stop : button.dataset.run;
}

// Only what does not stand there already.
function offer() {
  const options = [...(choice()?.options ?? [])];
  for (const option of options) option.hidden = option.disabled = !row(option.value).hidden;
  if (choice()?.selectedOptions[0]?.disabled) choice().value = options.find((one) => !one.disabled)?.value ?? '';
}

function add(name) {
  touched = true;
  for (const wanted of [name, row(name).dataset.partner])
    if (wanted) row(wanted).hidden = false;
  offer();
  row(name).querySelector('[name="1"]').focus();
}

function drop(shown) {
  touched = true;
  for (const name of [shown.dataset.name, shown.dataset.partner])
    if (name) row(name).hidden = true;
  offer();
  choice().focus();
}

function take(settings) {
  taken = JSON.parse(settings);
  if (taken.checkpoint) send('checkpoint', 'choose', { name: taken.checkpoint });
  send('comparison', 'take');
  leave();
}

function leave() {
  location.hash = '#chat';
  composer.focus();
}

/** The values of the controls with the settings of the chosen side. */
export const takenSettings = () => settingsWith(taken);

function press(event) {
  const button = event.target.closest('button[data-op]');
  if (button?.dataset.op === 'add') add(choice().value);
  if (button?.dataset.op === 'drop') drop(button.closest('.row'));
}

// Enter compares while the comparison is shown; there is no Send then. While files are being uploaded, attachments.js holds it back.
function sent(event) {
  if (!element || !open() || $('#composer').hasAttribute('data-uploading')) return;
  event.preventDefault();
  event.stopPropagation();
  compare();
}

function pressKey(event) {
  if (keyboard.sends(event) && within(event, composer.FIELDS)) sent(event);
  if (keyboard.leaves(event) && open() && !$('dialog[open]')) {
    event.preventDefault();
    running() ? stop() : leave();
  }
}

function watchForm(form) {
  element = form;
  element.addEventListener('input', () => { touched = true; });
  element.addEventListener('submit', (event) => {
    event.preventDefault();
    running() ? stop() : compare();
  });
  element.addEventListener('click', press);
  new MutationObserver(() => { label(); offer(); }).observe(element, { childList: true });
}

function watchPage() {
  document.addEventListener('click', (event) => {
    const button = within(event, '#compared [data-op=take]');
    if (button) take(button.dataset.settings);
  });
  document.addEventListener('keydown', pressKey, true);
  document.addEventListener('click', (event) => { if (within(event, composer.SENDS)) sent(event); }, true);
  // The stream of the answers may have been cut while the page was hidden.
  document.addEventListener('visibilitychange', () => { if (!document.hidden && running()) look(); });
  addEventListener('hashchange', show);
  whenDefaultsChange(() => { if (open() && element) look(); });
}

export function start() {
  whenMounted('comparison', (form) => {
    watchForm(form);
    whenReady(() => {
      const anything = { childList: true, subtree: true, characterData: true };
      new MutationObserver(drawn).observe($('#compared'), { ...anything, attributeFilter: ['data-running'] });
      // The language may have changed.
      new MutationObserver(() => { mark(); if (element.querySelector('form')) look(); }).observe($('#views'), anything);
      mark();
      if (open()) opened.then(look);
    });
  });
  watchPage();
}
