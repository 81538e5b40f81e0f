// Runs once in the tray's gr.HTML, which lends it `element` and `trigger`. All files come in here,
// whether pasted, dropped, chosen or taken: one way in, and the composer's text is never touched.
const { one, text, whenReady } = qwenVlChat;
const { clipboard, failedUploads, keyboard, upload: send } = qwenVlModules;
const SETTLE_MS = 20000; // a server that says nothing for so long, and as long again for each file, has forgotten it
const EXPORTED = /\.zip$/i; // a whole conversation, which is no attachment
const LIMIT = Number(one('meta[name=max-file-bytes]')?.content ?? 0);
const uploads = new Map(); // under way: a file -> [bytes sent, bytes in all]
let waiting = 0; // batches that are not in the tray yet
let known = false; // whether the server knows this page
let sendLater = false;
let stop = new AbortController(); // of all that is under way

function show() {
  const [sent, all] = [...uploads.values()].reduce(([a, b], [c, d]) => [a + c, b + d], [0, 0]);
  one('#composer').toggleAttribute('data-uploading', waiting > 0);
  if (!waiting) return one('#uploading')?.remove();
  const bar = (one('#uploading') ?? progress()).querySelector('p');
  const percent = all ? Math.floor(100 * sent / all) : 0;
  bar.textContent = text('uploading').replace('{percent}', percent);
  bar.setAttribute('aria-label', text('uploading').split(/[:：]/)[0]);
  bar.setAttribute('aria-valuenow', percent);
  return bar.parentElement.style.setProperty('--done', `${percent}%`);
}

function progress() {
  const made = Object.assign(document.createElement('div'), { id: 'uploading' });
  const bar = document.createElement('p');
  bar.setAttribute('role', 'progressbar'); // which is looked at, not read out at every per cent
  const button = Object.assign(document.createElement('button'), { type: 'button', textContent: text('cancel') });
  button.addEventListener('click', cancel);
  made.append(bar, button);
  one('#composer').before(made);
  return made;
}

function abandon() {
  stop.abort();
  stop = new AbortController();
  sendLater = false;
}

function cancel() {
  abandon();
  one('#composer textarea').focus();
}

// Gives what the server knows the file by, or null: it has a card of its own then.
async function post(file, signal) {
  uploads.set(file, [0, file.size]);
  const progress = (...far) => { uploads.set(file, far); show(); };
  try {
    return { path: await send(file, { progress, signal, maxBytes: LIMIT }), name: file.name };
  } catch (error) {
    fail(file, error);
    return null;
  }
}

function fail(file, error) {
  if (error.reason === 'cancelled') return;
  sendLater = false; // the message would go without it
  failedUploads.failed(file, error);
}

// The server answers by drawing the tray anew, with the name of the wish on it: others have it drawn, too. One
// wish after the other: answers overtake each other, and the one that is drawn last has to be the newest. Gives
// whether it has answered.
let asked = qwenVlChat.known;
const ask = (event, data) => asked = asked.then(async () => {
  const wish = Math.random().toString(36).slice(2);
  const answered = granted(wish, SETTLE_MS * (1 + (data.files?.length ?? 0)));
  trigger(event, { ...data, wish });
  return answered;
}).catch((error) => { reportError(error); return false; });
const granted = (wish, patience) => new Promise((resolve) => {
  const observer = new MutationObserver(() => {
    if (element.querySelector('[data-heard]')?.dataset.heard === wish) end(true);
  });
  const end = (heard) => { observer.disconnect(); clearTimeout(timer); resolve(heard); };
  const timer = setTimeout(end, patience, false);
  observer.observe(element, { childList: true, subtree: true, attributeFilter: ['data-heard'] });
});

async function add(files) {
  const chosen = [...files];
  if (!chosen.length) return;
  const { signal } = stop;
  const cancelled = new Promise((resolve) => { signal.addEventListener('abort', resolve); });
  waiting += 1;
  chosen.forEach(failedUploads.leaves);
  show();
  try {
    await Promise.race([sendAll(chosen, signal), cancelled]);
  } catch (error) {
    sendLater = false; // nobody knows what has arrived
    throw error;
  } finally {
    waiting -= 1;
    chosen.forEach(failedUploads.arrived);
    if (!waiting) uploads.clear();
    show();
  }
  sendHeld();
}

function sendHeld() {
  if (!sendLater || waiting || !known) return;
  sendLater = false;
  one('#composer [data-testid=submit-button]')?.click();
}

async function sendAll(chosen, signal) {
  const stored = await Promise.all(chosen.map((file) => post(file, signal)));
  if (signal.aborted) return;
  const exported = (file) => EXPORTED.test(file.name);
  const media = stored.filter((file) => file && !exported(file));
  stored.filter((file) => file && exported(file)).slice(-1).forEach((file) => qwenVlChat.restore(file));
  if (!media.length || await ask('upload', { files: media }) || signal.aborted) return;
  chosen.forEach((file, i) => { if (media.includes(stored[i])) fail(file, { reason: 'silence' }); });
}

qwenVlChat.known.then(() => { known = true; sendHeld(); });
qwenVlChat.attach = add;
qwenVlChat.abandonUploads = () => { abandon(); failedUploads.dismiss(); };
qwenVlChat.owned.then(() => whenReady(() => {
  failedUploads.start({ tab: qwenVlChat.key(), limit: LIMIT, again: (file) => add([file]) });
}));
qwenVlChat.attachFailed = (reason) => ask('upload', { files: [], error: reason });

// What is sent while files are on their way is sent with them, and what is sent before the server knows the page, then.
function holdBack(event) {
  if (!waiting && known) return;
  event.preventDefault();
  event.stopPropagation();
  sendLater = true;
}
for (const kind of ['keydown', 'keypress']) {
  document.addEventListener(kind, (event) => {
    if (keyboard.sends(event) && event.target.matches('#composer textarea')) holdBack(event);
  }, true);
}
document.addEventListener('click', (event) => {
  if (event.target.closest('#composer [data-testid=submit-button]')) holdBack(event);
}, true);

const take = (event, files) => { event.preventDefault(); event.stopPropagation(); add(files); };

document.addEventListener('paste', (event) => {
  const files = clipboard.pasted(event.clipboardData);
  if (files.length) take(event, files);
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
whenReady(() => {
  for (const place of [element, one('#ready'), one('#cost-card')]) new MutationObserver(mark).observe(place, told);
  mark();
});

element.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-op]');
  if (button) ask('select', { op: button.dataset.op, id: button.dataset.id });
});
