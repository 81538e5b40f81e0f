// A file that the server has made, on its way to the person's disk.

export function download(url) {
  if (!url) return;
  const link = document.createElement('a');
  link.href = url;
  link.download = decodeURIComponent(url.split('/').pop());
  link.click();
}
