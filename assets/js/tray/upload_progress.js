// Files on their way: each with its picture and how much of it has been sent, above the composer.
import { $, whenReady } from '../page/parts.js';
import { text } from '../page/texts.js';

/** @type {any} */
let shown = null; // what is under way, see `Intake`
const thumbnails = new Map(); // by file

/** under way: null when nothing is; cancel: called by the button beside the files. */
export function showProgress(underWay, cancel) {
  shown = underWay;
  whenReady(() => draw(cancel));
}

function draw(cancel) {
  $('#composer').toggleAttribute('data-uploading', shown !== null);
  if (shown === null) return clear();
  const box = $('#uploading') ?? made(cancel);
  const bar = box.querySelector('p');
  const said = text('uploading', { percent: shown.percent });
  bar.textContent = shown.held ? `${said} · ${text('sentWhenUploaded')}` : said;
  bar.setAttribute('aria-label', text('uploading').split(/[:：]/)[0]);
  bar.setAttribute('aria-valuenow', shown.percent);
  return box.querySelector('ul').replaceChildren(...shown.files.map(thumbnail));
}

function clear() {
  $('#uploading')?.remove();
  for (const { url } of thumbnails.values()) URL.revokeObjectURL(url);
  thumbnails.clear();
}

function made(cancel) {
  const made = Object.assign(document.createElement('div'), { id: 'uploading' });
  const bar = document.createElement('p');
  bar.setAttribute('role', 'progressbar'); // screen readers do not read out each change
  const button = Object.assign(document.createElement('button'), { type: 'button', textContent: text('cancel') });
  button.addEventListener('click', cancel);
  made.append(document.createElement('ul'), bar, button);
  $('#composer').before(made);
  return made;
}

// The same element at each step, so that its picture is read once.
function thumbnail({ file, share }) {
  if (!thumbnails.has(file)) {
    const url = URL.createObjectURL(file);
    const picture = Object.assign(document.createElement('img'), { src: url, alt: '' });
    picture.addEventListener('error', () => picture.remove()); // a clip, or what this browser cannot show
    const item = Object.assign(document.createElement('li'), { title: file.name });
    item.append(picture);
    thumbnails.set(file, { url, item });
  }
  const { item } = thumbnails.get(file);
  item.style.setProperty('--left', `${100 - Math.floor(100 * share)}%`);
  return item;
}
