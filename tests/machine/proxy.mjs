// Passes HTTP on with a token, for clients that cannot show one: node proxy.mjs PORT TARGET-PORT TOKEN
import http from 'node:http';

const [port, target, token] = process.argv.slice(2);
// Who asked elsewhere still does: names of hosts are checked behind this.
http
  .createServer((asked, answer) => {
    const headers = { ...asked.headers, authorization: `Bearer ${token}` };
    const passed = http.request(
      { host: '127.0.0.1', port: target, method: asked.method, path: asked.url, headers },
      (answered) => {
        answer.writeHead(answered.statusCode, answered.headers);
        answer.flushHeaders();
        answered.pipe(answer);
      },
    );
    passed.on('error', () => answer.destroy());
    // Whoever hangs up hangs up behind this too.
    answer.on('close', () => passed.destroy());
    asked.pipe(passed);
  })
  .listen(Number(port), '127.0.0.1');
