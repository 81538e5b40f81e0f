// The part of the browser's XMLHttpRequest that assets/js uses, on Node's own http: it speaks to real servers.
import http from 'node:http';

export class XMLHttpRequest {
  /** @type {any} */
  upload = {};
  status = 0;
  responseText = '';
  onload() { /* somebody's */ }
  onerror() { /* somebody's */ }

  open(method, address) { this.asked = { method, address }; }

  async send(form) {
    const { method, address } = this.asked;
    const body = Buffer.from(await new Response(form).arrayBuffer());
    this.request = http.request(address, { method, headers: { 'content-length': body.length } });
    this.request.on('response', async (response) => {
      try {
        for await (const chunk of response) this.responseText += chunk;
        this.status = response.statusCode;
        this.onload();
      } catch {
        this.responseText = '';
        this.onerror();
      }
    });
    this.request.on('error', () => { if (!this.ended) this.onerror(); });
    this.request.write(body, () => this.upload.onprogress?.({ loaded: body.length, total: body.length }));
    this.request.end();
  }

  abort() {
    this.ended = true;
    this.request?.destroy();
  }
}
