// A progress bar above the composer while files are uploaded.
import { $, whenReady } from '../page/parts.js';
import { text } from '../page/texts.js';

let shown = null; // per cent

/** percent: null while nothing is uploaded; cancel: called by the button beside the bar. */
export function showProgress(percent, cancel) {
  shown = percent;
  whenReady(() => draw(cancel));
}

function draw(cancel) {
  $('#composer').toggleAttribute('data-uploading', shown !== null);
  if (shown === null) return $('#uploading')?.remove();
  const bar = ($('#uploading') ?? made(cancel)).querySelector('p');
  bar.textContent = text('uploading', { percent: shown });
  bar.setAttribute('aria-label', text('uploadLabel'));
  bar.setAttribute('aria-valuenow', shown);
  return bar.parentElement.style.setProperty('--done', `${shown}%`);
}

function made(cancel) {
  const made = Object.assign(document.createElement('div'), { id: 'uploading' });
  const bar = document.createElement('p');
  bar.setAttribute('role', 'progressbar'); // screen readers do not read out each change
  const button = Object.assign(document.createElement('button'), { type: 'button', textContent: text('cancel') });
  button.addEventListener('click', cancel);
  made.append(bar, button);
  $('#composer').before(made);
  return made;
}
