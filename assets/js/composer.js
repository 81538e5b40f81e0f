// What the person writes, and the buttons beside it.
import { leaves } from './keyboard.js';
import { ANY_CHANGE, one } from './parts.js';
import { pin } from './scrolling.js';
import { session } from './storage.js';
import { text } from './texts.js';

export const FIELD = '#composer textarea';
export const SEND = '#composer [data-testid=submit-button]';
export const STOP = '#composer [data-testid=stop-button]';
const DRAFT = 'qwen-vl-chat-draft';

export const focus = () => one(FIELD)?.focus();

export function write(text) {
  const field = one(FIELD);
  field.value = text;
  field.dispatchEvent(new Event('input', { bubbles: true }));
}

// Also because Gradio measured its height before the style sheet was there.
export const restoreDraft = () => write(one(FIELD).value || (session.get(DRAFT) ?? ''));

/** The server took `text`: remove it, but keep what was typed since. */
export function sent(text) {
  const field = one(FIELD);
  if (text && field.value.startsWith(text)) write(field.value.slice(text.length).replace(/^\n/, ''));
  if (text) pin();
}

/** The server gives `text` back: put it in front of what was typed meanwhile. */
export function giveBack(text) {
  if (!text) return;
  const draft = one(FIELD).value;
  write(draft ? `${text}\n${draft}` : text);
  focus();
}

/** An edit puts another message into the composer. */
export function replace(text) {
  write(text);
  focus();
}

// Gradio draws Send and Stop without a name, and each anew.
function nameButtons() {
  const name = () => {
    for (const [button, said] of [[SEND, 'send'], [STOP, 'stop']])
      one(button)?.setAttribute('aria-label', text(said));
  };
  new MutationObserver(name).observe(one('#page-texts'), ANY_CHANGE);
  new MutationObserver(name).observe(one('#composer'), { childList: true, subtree: true });
  name();
}

/** Call it when the page is ready. */
export function start() {
  nameButtons();
  document.addEventListener('input', (event) => {
    if (event.target === one(FIELD)) session.set(DRAFT, one(FIELD).value);
  });
  document.addEventListener('keydown', (event) => {
    if (!leaves(event) || one('dialog[open]')) return;
    const way = one(STOP) ?? one('#cancel-edit');
    if (way) { event.preventDefault(); way.click(); focus(); }
  });
}
