// While files are dragged over the page, it says that they can be dropped anywhere.
import { text, whenSaid } from '../page/texts.js';

const carriesFiles = (event) => event.dataTransfer?.types.includes('Files');

/** Call it when the page is ready. */
export function start() {
  const overlay = Object.assign(document.createElement('div'), { id: 'drop-overlay', hidden: true });
  let inside = 0; // elements that were entered and not left: each border inside of the page counts

  function show(depth) {
    inside = Math.max(0, depth);
    overlay.hidden = !inside;
  }

  whenSaid(() => { overlay.textContent = text('dropHere'); });
  document.body.append(overlay);
  document.addEventListener('dragenter', (event) => { if (carriesFiles(event)) show(inside + 1); }, true);
  document.addEventListener('dragleave', (event) => { if (carriesFiles(event)) show(inside - 1); }, true);
  for (const end of ['drop', 'dragend', 'pagehide']) addEventListener(end, () => show(0), true);
}
