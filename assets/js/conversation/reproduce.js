// The dialog for reproducing an answer, and the import of exported conversations.
import { copyText } from '../page/copy_button.js';
import { send, whenMounted } from '../page/elements.js';
import { $ } from '../page/parts.js';

/** @type {any} */
let element = null;
const shown = () => element.querySelector('dialog');

function open() {
  const dialog = shown();
  if (!dialog || dialog.open || dialog.dataset.shown) return;
  dialog.dataset.shown = 'true';
  dialog.addEventListener('close', () => $('#reproduce')?.focus());
  dialog.showModal();
}

const copy = (button) => copyText(button, button.parentElement.querySelector('pre').textContent);

function verify(button) {
  const status = element.querySelector('[role=status]');
  status.textContent = status.dataset.verifying;
  button.disabled = true;
  send('reproduction', 'verify', { turn: Number(button.dataset.turn) });
}

const OPERATIONS = { copy, verify, export: () => $('#export').click(), close: () => shown().close() };

function press(event) {
  const button = event.target.closest('button[data-op]');
  if (button) OPERATIONS[button.dataset.op](button);
  else if (event.target === shown()) shown().close(); // the backdrop
}

function choose(event) {
  if (event.target.matches('select')) send('reproduction', 'choose', { turn: Number(event.target.value) });
}

export function start() {
  whenMounted('reproduction', (mounted) => {
    element = mounted;
    new MutationObserver(open).observe(element, { childList: true, subtree: true });
    element.addEventListener('click', press);
    element.addEventListener('change', choose);
  });
}

/** Show the result of verifying an answer. */
export function verdict([turn, sentence]) {
  const button = element.querySelector('[data-op=verify]');
  if (button?.dataset.turn !== String(turn)) return; // another answer was chosen meanwhile
  button.disabled = false;
  element.querySelector('[role=status]').textContent = sentence;
}

/** Go on with an exported conversation. */
export const restore = (file) => send('reproduction', 'restore', file);
