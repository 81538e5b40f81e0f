// Copies a text and shows on the button whether it worked.
import * as clipboard from '../browser/clipboard.js';
import { text } from './texts.js';

const SAID_MS = 1500;

export async function copyText(button, content) {
  const done = await clipboard.copy(content);
  // Only the text node is changed: Gradio keeps a reference to it.
  const texts = document.createTreeWalker(button, NodeFilter.SHOW_TEXT);
  while (texts.nextNode() && !texts.currentNode.textContent?.trim());
  const label = /** @type {Text} */ (texts.currentNode);
  const said = text(done ? 'copied' : 'notCopied');
  if ([text('copied'), text('notCopied')].includes(label.data)) return;
  const before = label.data;
  label.data = said;
  setTimeout(() => { if (label.data === said) label.data = before; }, SAID_MS);
}
