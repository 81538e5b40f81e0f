// The web address of a picture or clip in the message: a button offers to attach what lies there. Nothing is fetched by
// itself, and nothing is offered where the server fetches nothing.
import { FIELDS } from '../composer/composer.js';
import { button } from '../page/dialog.js';
import { $, within } from '../page/parts.js';
import { text } from '../page/texts.js';
import { request } from './tray.js';

const ADDRESS = /https?:\/\/[^\s<>"']+/;
const MEDIA = /\.(png|jpe?g|webp|gif|bmp|avif|heic|heif|tiff?|mp4|m4v|webm|mov|mkv|avi|pdf)$/i;

/** The address that is offered for a text, or ''; an address alone is one whatever it ends in. */
export function addressIn(written) {
  const [found] = ADDRESS.exec(written) ?? [];
  if (!found || !URL.canParse(found)) return '';
  const alone = written.trim() === found;
  return alone || MEDIA.test(new URL(found).pathname) ? found : '';
}

const named = (address) => {
  const { host, pathname } = new URL(address);
  return { host, name: decodeURIComponent(pathname.split('/').pop() || '…') };
};

const allowed = () => Boolean($('meta[name=fetches-addresses]'));
const place = () => $('#address') ?? Object.assign(document.createElement('p'), { id: 'address' });

function offer(field) {
  const address = addressIn(field.value);
  const line = place();
  if (line.dataset.address === address || line.hasAttribute('aria-busy')) return;
  if (!line.isConnected) $('#composer').before(line);
  line.dataset.address = address;
  line.replaceChildren(...address ? [button(text('fetchAddress', named(address)), '', () => fetched(field, address))] : []);
}

async function fetched(field, address) {
  const [line, before] = [place(), document.querySelectorAll('#tray li').length];
  line.setAttribute('aria-busy', 'true');
  line.textContent = text('fetching', named(address));
  await request('attach', { files: [{ address }] });
  line.removeAttribute('aria-busy');
  line.removeAttribute('data-address');
  const came = document.querySelectorAll('#tray li').length > before;
  if (came) field.value = field.value.replace(address, '').trim();
  field.dispatchEvent(new Event('input', { bubbles: true }));
  field.focus();
}

export function start() {
  if (!allowed()) return;
  document.addEventListener('input', (event) => {
    const field = within(event, FIELDS);
    if (field) offer(field);
  });
}
