// The box in which an earlier message or the latest answer is rewritten, in its place. The server says in `#run-state` when that
// begins and ends.
import * as composer from './composer.js';
import { button } from '../page/dialog.js';
import { $, ANY_CHANGE } from '../page/parts.js';
import { unpin } from '../page/scrolling.js';
import { session } from '../browser/storage.js';
import { text, whenSaid } from '../page/texts.js';

const KEPT = 'qwen-vl-chat-edit';

/** Put the text of a message into the box. */
export function rewrite(text) {
  composer.write(text, composer.EDIT_FIELD);
  composer.focus();
}

// The tray has the files of the edited message: it goes with the box. Moving an element takes its focus away.
function move(parent, before, trayParent, trayBefore) {
  const box = $('#edit-box');
  if (box.parentElement === parent) return;
  const focused = document.activeElement;
  trayParent.insertBefore($('#tray'), trayBefore);
  parent.insertBefore(box, before);
  if (focused instanceof HTMLElement && box.contains(focused)) focused.focus({ preventScroll: true });
}

// Before the conversation is drawn anew: Gradio may remove the bubble.
const takeHome = () => move($('#desk'), $('#tasks'), $('#composer'), $('#composer').firstElementChild);

function place() {
  const { editing, side } = $('#run-state [data-editing]')?.dataset ?? {};
  const row = editing && document.querySelectorAll(`#chatbot .${side}-row`)[editing];
  if (!row || $('#page').dataset.view === 'compare') return takeHome(); // the comparison takes the conversation's place
  if (row.contains($('#edit-box'))) return;
  const field = $(composer.EDIT_FIELD);
  move(row, null, $('#edit-box'), $('#edit-box').firstElementChild);
  composer.write(field.value, composer.EDIT_FIELD); // measures its height anew, in another width
}

// Where there is not room for all of it, the buttons matter most.
function keepInSight() {
  if (!composer.editing()) return;
  $('#edit-box').closest('.message-row')?.scrollIntoView({ block: 'nearest' });
  $('#edit-actions').scrollIntoView({ block: 'nearest' });
}

function show() {
  const side = $('#run-state [data-editing]')?.dataset.side;
  const editing = Boolean(side);
  if (editing !== composer.editing()) {
    editing ? $('#page').setAttribute('data-editing', side) : $('#page').removeAttribute('data-editing');
    $('#message').inert = editing;
    if (editing) unpin();
    place();
    // Writing the text also sets the height, which Gradio cannot measure while the box is hidden.
    composer.write(editing ? $(composer.EDIT_FIELD).value : '', composer.EDIT_FIELD);
    if (editing || !matchMedia('(hover: none)').matches) composer.focus(); // on a phone, the composer's would open the keyboard again
  } else place();
}

function offerFiles() {
  const more = button('+', 'attach-more', () => $('#composer input[type=file]').click());
  whenSaid(() => { more.ariaLabel = more.title = text('attach'); });
  $('#edit-actions').prepend(more);
}

/** Call it when the page is ready. whenDrawn: calls a listener before the conversation is drawn. */
export function start(whenDrawn) {
  const field = $(composer.EDIT_FIELD);
  composer.write(field.value || (session.get(KEPT) ?? ''), composer.EDIT_FIELD);
  field.addEventListener('input', () => session.set(KEPT, field.value));
  offerFiles();
  whenDrawn(takeHome);
  new MutationObserver(place).observe($('#page'), { attributeFilter: ['data-view'] });
  new MutationObserver(show).observe($('#run-state'), ANY_CHANGE);
  new MutationObserver(place).observe($('#chatbot'), { childList: true, subtree: true });
  const sizes = new ResizeObserver(keepInSight);
  for (const part of ['#edit-box', '#talk']) sizes.observe($(part));
  show();
}
