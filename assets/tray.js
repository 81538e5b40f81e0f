// Runs once in the tray's gr.HTML, which lends it `element`, `trigger` and `upload`. All files come in
// here, whether pasted, dropped or chosen: one way in, and the composer's text is never touched.
const UPLOADING = 'data-uploading';

async function add(files) {
  const chosen = [...files];
  if (!chosen.length) return;
  const composer = document.querySelector('#composer');
  composer?.setAttribute(UPLOADING, Number(composer.getAttribute(UPLOADING) ?? 0) + chosen.length);
  const results = await Promise.allSettled(chosen.map((file) => upload(file)));
  const left = Number(composer?.getAttribute(UPLOADING) ?? 0) - chosen.length;
  left > 0 ? composer.setAttribute(UPLOADING, left) : composer?.removeAttribute(UPLOADING);
  const uploaded = results.flatMap((result, i) =>
    result.status === 'fulfilled' && result.value?.path ? [{ path: result.value.path, name: chosen[i].name }] : []);
  const failed = results.find((result) => result.status === 'rejected' || !result.value?.path);
  trigger('upload', { files: uploaded, error: failed ? String(failed.reason?.message ?? failed.reason ?? '') : '' });
}

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

element.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-op]');
  if (button) trigger('select', { op: button.dataset.op, id: button.dataset.id });
});
