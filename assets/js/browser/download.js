// Downloads a file that the server has made.

export function download(url) {
  if (!url) return;
  const link = document.createElement('a');
  link.href = url;
  link.download = decodeURIComponent(url.split('/').pop());
  link.click();
}
