// The field of the composer, with Send and Stop.
import { leaves } from '../browser/keyboard.js';
import { $, ANY_CHANGE, within } from '../page/parts.js';
import { pin } from '../page/scrolling.js';
import { session } from '../browser/storage.js';
import { text } from '../page/texts.js';

export const FIELD = '#composer textarea';
export const SEND = '#composer [data-testid=submit-button]';
// Of the edit box, see edit_box.js.
export const EDIT_FIELD = '#edit-box textarea';
export const EDIT_SEND = '#edit-send';
export const FIELDS = `${FIELD}, ${EDIT_FIELD}`;
export const SENDS = `${SEND}, ${EDIT_SEND}`;
export const STOP = '#composer [data-testid=stop-button]';
const DRAFT = 'qwen-vl-chat-draft';

/** Whether an earlier message is being rewritten. The draft stays in the composer meanwhile. */
export const editing = () => Boolean($('#page[data-editing]'));

export const focus = () => $(editing() ? EDIT_FIELD : FIELD)?.focus();
export const send = () => $(editing() ? EDIT_SEND : SEND)?.click();

/** The text that would be sent now. draft: the composer's. */
export const written = (draft) => (editing() ? $(EDIT_FIELD).value : draft);

export function write(text, where = FIELD) {
  const field = $(where);
  field.value = text;
  field.dispatchEvent(new Event('input', { bubbles: true }));
}

// Writing it again also corrects the height, which Gradio has measured before the style sheet was there.
export const restoreDraft = () => write($(FIELD).value || (session.get(DRAFT) ?? ''));

/** Give the draft's text up for good. */
export function dropDraft() {
  session.set(DRAFT, '');
  write('');
}

let composing = false; // with an input method, which a change of the field would disturb

/** Remove the text that was sent, but keep what was typed since. */
export function sent(text) {
  const field = $(FIELD);
  if (text && composing) {
    field.addEventListener('compositionend', () => setTimeout(sent, 0, text), { once: true });
    return;
  }
  if (text && field.value.startsWith(text)) write(field.value.slice(text.length).replace(/^\n/, ''));
  if (text) pin();
}

/** Put a text that comes back before what was typed meanwhile. */
export function giveBack(text) {
  if (!text) return;
  const draft = $(FIELD).value;
  write(draft ? `${text}\n${draft}` : text);
  focus();
}

// Gradio draws Send and Stop without a name, again and again.
function nameButtons() {
  const name = () => {
    for (const [button, said] of [[SEND, 'send'], [STOP, 'stop']])
      $(button)?.setAttribute('aria-label', text(said));
  };
  new MutationObserver(name).observe($('#page-texts'), ANY_CHANGE);
  new MutationObserver(name).observe($('#composer'), { childList: true, subtree: true });
  name();
}

// Stop takes the place of Send, and the next turn that of the one that Undo took back: the second click of a double click
// is not meant for them.
function ignoreSecondClicks() {
  document.addEventListener('click', (event) => {
    if (event.detail < 2 || !within(event, `${STOP}, #undo, #clear`)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }, true);
}

/** Call it when the page is ready. */
export function start() {
  nameButtons();
  ignoreSecondClicks();
  for (const kind of ['compositionstart', 'compositionend']) {
    $(FIELD).addEventListener(kind, () => { composing = kind === 'compositionstart'; });
  }
  document.addEventListener('input', (event) => {
    if (event.target === $(FIELD)) session.set(DRAFT, $(FIELD).value);
  });
  document.addEventListener('keydown', (event) => {
    if (!leaves(event) || $('dialog[open]')) return;
    const way = $(STOP) ?? $('#page[data-editing] #edit-cancel');
    if (way) { event.preventDefault(); way.click(); focus(); }
  });
}
