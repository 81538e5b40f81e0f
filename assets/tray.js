// Runs once in the tray's gr.HTML, which lends it `element` and `trigger`. All files come in here,
// whether pasted, dropped, chosen or taken: one way in, and the composer's text is never touched.
const { one, text } = qwenVlChat;
const SETTLE_MS = 20000; // a server that says nothing for so long, and as long again for each file, has forgotten it
const EXPORTED = /\.zip$/i; // a whole conversation, which is no attachment
const uploads = new Map(); // under way: a request -> [bytes sent, bytes in all]
let waiting = 0; // batches that are not in the tray yet
let sendLater = false;

function show() {
  const [sent, all] = [...uploads.values()].reduce(([a, b], [c, d]) => [a + c, b + d], [0, 0]);
  const composer = one('#composer');
  composer.toggleAttribute('data-uploading', waiting > 0);
  let line = one('#uploading');
  if (!waiting) return void line?.remove();
  if (!line) {
    line = Object.assign(document.createElement('p'), { id: 'uploading' });
    line.setAttribute('role', 'progressbar'); // which is looked at, not read out at every per cent
    composer.before(line);
  }
  const percent = all ? Math.floor(100 * sent / all) : 0;
  line.textContent = text('uploading').replace('{percent}', percent);
  line.setAttribute('aria-label', text('uploading').split(/[:：]/)[0]);
  line.setAttribute('aria-valuenow', percent);
  line.style.setProperty('--done', `${percent}%`);
}

// Like the `upload` that Gradio lends, but it says how far it is.
const post = (file) => new Promise((resolve, reject) => {
  const request = new XMLHttpRequest();
  const form = new FormData();
  form.append('files', file, file.name);
  const count = (event) => { uploads.set(request, [event.loaded, event.total]); show(); };
  uploads.set(request, [0, file.size]);
  request.upload.onprogress = count;
  request.onload = () => request.status === 200
    ? resolve({ path: JSON.parse(request.response)[0], name: file.name })
    : reject(new Error(request.status === 413 ? 'too-large' : request.status >= 500 ? 'not-stored' : request.statusText || request.status));
  request.onerror = () => reject(new Error('connection'));
  request.open('POST', 'gradio_api/upload');
  request.send(form);
});

// The server answers by drawing the tray anew, with the name of the wish on it: others have it drawn, too. One
// wish after the other: answers overtake each other, and the one that is drawn last has to be the newest.
let asked = Promise.resolve();
const ask = (event, data) => asked = asked.then(async () => {
  const wish = Math.random().toString(36).slice(2);
  const answered = granted(wish, SETTLE_MS * (1 + (data.files?.length ?? 0)));
  trigger(event, { ...data, wish });
  await answered;
});
const granted = (wish, patience) => new Promise((resolve) => {
  const observer = new MutationObserver(() => {
    if (element.querySelector('[data-heard]')?.dataset.heard === wish) end();
  });
  const end = () => { observer.disconnect(); clearTimeout(timer); resolve(); };
  const timer = setTimeout(end, patience);
  observer.observe(element, { childList: true, subtree: true, attributeFilter: ['data-heard'] });
});

async function add(files) {
  const chosen = [...files];
  if (!chosen.length) return;
  waiting += 1;
  show();
  const results = await Promise.allSettled(chosen.map(post));
  const stored = results.flatMap((result) => result.status === 'fulfilled' ? [result.value] : []);
  const media = stored.filter((file) => !EXPORTED.test(file.name));
  const error = results.find((result) => result.status === 'rejected')?.reason.message ?? '';
  stored.filter((file) => EXPORTED.test(file.name)).slice(-1).forEach(qwenVlChat.restore);
  if (media.length || error) await ask('upload', { files: media, error });
  waiting -= 1;
  if (!waiting) uploads.clear();
  show();
  if (sendLater && !waiting) { sendLater = false; one('#composer [data-testid=submit-button]')?.click(); }
}

qwenVlChat.attach = add;
qwenVlChat.attachFailed = (reason) => ask('upload', { files: [], error: reason });

// What is sent while files are on their way is sent with them.
function holdBack(event) {
  if (!waiting) return;
  event.preventDefault();
  event.stopPropagation();
  sendLater = true;
}
document.addEventListener('keydown', (event) => {
  const sends = event.key === 'Enter' && !event.shiftKey && !event.isComposing;
  if (sends && event.target.matches('#composer textarea')) holdBack(event);
}, true);
document.addEventListener('keypress', (event) => {
  if (event.key === 'Enter' && !event.shiftKey && event.target.matches('#composer textarea')) holdBack(event);
}, true);
document.addEventListener('click', (event) => {
  if (event.target.closest('#composer [data-testid=submit-button]')) holdBack(event);
}, true);

const take = (event, files) => { event.preventDefault(); event.stopPropagation(); add(files); };

document.addEventListener('paste', (event) => {
  const data = event.clipboardData;
  // A word processor offers a picture of copied text beside the text: the person wants the text.
  if (data?.files.length && !data.types.includes('text/html')) take(event, data.files);
}, true);
document.addEventListener('dragover', (event) => {
  if (event.dataTransfer?.types.includes('Files')) event.preventDefault();
}, true);
document.addEventListener('drop', (event) => {
  if (event.dataTransfer?.files.length) take(event, event.dataTransfer.files);
}, true);
document.addEventListener('change', (event) => {
  if (!event.target.matches?.('#composer input[type=file]')) return;
  take(event, event.target.files);
  event.target.value = ''; // so that the same file can be chosen again
}, true);

// What each item costs, and whether the model has read it already, is written on its card. The server says
// so in elements of their own, so that nobody's focus is lost to a tray that is drawn anew.
function mark() {
  const read = new Set((one('#ready [data-ready]')?.dataset.ready ?? '').split(' '));
  for (const card of element.querySelectorAll('li')) {
    const { id } = card.querySelector('[data-id]').dataset;
    const cost = one(`#cost-card [data-item="${id}"]`)?.dataset;
    const line = card.querySelector('p span');
    if (cost && line.textContent !== cost.tokens) line.textContent = cost.tokens;
    card.toggleAttribute('data-read', read.has(id));
    const name = card.querySelector('img').alt;
    card.title = [name, cost?.sizes, read.has(id) && text('read')].filter(Boolean).join(' · ');
  }
}
// What is alike Gradio leaves standing, and changes only its attributes and texts.
const told = { childList: true, subtree: true, attributeFilter: ['data-ready', 'data-item', 'data-tokens'] };
for (const place of [element, one('#ready'), one('#cost-card')]) new MutationObserver(mark).observe(place, told);

element.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-op]');
  if (button) ask('select', { op: button.dataset.op, id: button.dataset.id });
});
