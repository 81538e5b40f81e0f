// The dialogs that scripts open: a picture, the camera, an item of the tray.
import { $ } from './parts.js';
import { text } from './texts.js';

/** With an x at the top right. Escape closes it, too, and the focus goes back to where it was. */
export function dialog(label, ...children) {
  const made = document.createElement('dialog');
  const close = button('✕', 'close', () => made.close());
  close.ariaLabel = close.title = text('close');
  made.className = 'qwen-vl-chat';
  made.setAttribute('aria-label', label);
  made.append(...children, close);
  made.addEventListener('close', () => made.remove());
  $('#page').parentElement.append(made); // inside Gradio's container, to which the style sheet is scoped
  made.showModal();
  return made;
}

/** A row of actions at the bottom right, the main one last. */
export function actions(...buttons) {
  const made = document.createElement('div');
  made.className = 'bar';
  made.append(...buttons);
  return made;
}

export function button(label, className, pressed) {
  const made = document.createElement('button');
  made.type = 'button';
  made.className = className;
  made.textContent = label;
  made.addEventListener('click', pressed);
  return made;
}

