import { fetchApp } from '../fetch-app.ts';

declare const Bun: {
  serve(options: {
    hostname: string;
    port: number;
    fetch: (request: Request) => Promise<Response>;
  }): { readonly port: number };
};

const { port } = Bun.serve({
  hostname: '127.0.0.1',
  port: 0,
  fetch: (request) => fetchApp(request),
});
console.log(JSON.stringify({ port }));
