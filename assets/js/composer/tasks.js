// Questions that people often ask about what is attached. A press writes one into the composer, to be edited and sent.
import * as composer from './composer.js';
import { $, within } from '../page/parts.js';

const GAP = '…'; // what the person fills in

// The server says with the model's name in which way its answers name places (`#model-banner`).
const convention = () => $('#model-banner .line')?.dataset.convention;

function press(event, lead) {
  const button = within(event, '#tasks button');
  if (!button) return;
  const question = button.getAttribute(`data-${convention().replaceAll('_', '-')}`);
  const field = $(composer.FIELD);
  const before = field.value && !field.value.endsWith('\n') ? `${field.value}\n` : field.value;
  composer.write(before + question);
  field.focus();
  if ('leads' in button.dataset) lead();
  const gap = field.value.indexOf(GAP, before.length);
  if (gap >= 0) field.setSelectionRange(gap, gap + GAP.length);
}

/** lead: opens the settings where the answer becomes data, for a task that is best answered so. */
export function start(lead) {
  document.addEventListener('click', (event) => press(event, lead));
}
