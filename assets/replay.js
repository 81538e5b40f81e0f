// Runs once in the gr.HTML of the dialog in which an answer can be reproduced; `element` and `trigger` are
// lent to it. What leaves and enters as a zip file goes through here too.
const { one } = qwenVlChat;
const shown = () => element.querySelector('dialog');

new MutationObserver(() => {
  const dialog = shown();
  if (!dialog || dialog.open || dialog.dataset.shown) return;
  dialog.dataset.shown = 'true';
  dialog.addEventListener('close', () => one('#reproduce')?.focus());
  dialog.showModal();
}).observe(element, { childList: true, subtree: true });

const copy = (button) => qwenVlChat.copyText(button, button.parentElement.querySelector('pre').textContent);

function verify(button) {
  const status = element.querySelector('[role=status]');
  status.textContent = status.dataset.verifying;
  button.disabled = true;
  trigger('submit', { turn: Number(button.dataset.turn) });
}

const OPERATIONS = { copy, verify, export: () => one('#export').click(), close: () => shown().close() };

element.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-op]');
  if (button) OPERATIONS[button.dataset.op](button);
  else if (event.target === shown()) shown().close(); // beside it
});
element.addEventListener('change', (event) => {
  if (event.target.matches('select')) trigger('select', { turn: Number(event.target.value) });
});

qwenVlChat.verdict = ([turn, sentence]) => {
  const button = element.querySelector('[data-op=verify]');
  if (button?.dataset.turn !== String(turn)) return; // another answer was chosen meanwhile
  button.disabled = false;
  element.querySelector('[role=status]').textContent = sentence;
};

qwenVlChat.restore = (file) => trigger('upload', file);
