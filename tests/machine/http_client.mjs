// The TypeScript SDK's client over HTTP, with what the machine's image of server-everything holds: URL TOKEN
// Prints one JSON document: the names of the tools, what tools of both servers answer, and the session that it had.
import { createRequire } from 'node:module';

const require = createRequire('/app/');
const { Client } = require('@modelcontextprotocol/sdk/client/index.js');
const { StreamableHTTPClientTransport } = require('@modelcontextprotocol/sdk/client/streamableHttp.js');
const { ElicitRequestSchema } = require('@modelcontextprotocol/sdk/types.js');

const [url, token] = process.argv.slice(2);
const headers = { Authorization: `Bearer ${token}` };
const transport = new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } });
const client = new Client({ name: 'sdk', version: '1' }, { capabilities: { elicitation: {} } });
client.setRequestHandler(ElicitRequestSchema, () => ({ action: 'accept', content: { name: 'elicited' } }));
await client.connect(transport);
const tools = (await client.listTools()).tools.map((tool) => tool.name);
const progress = [];
const said = {};
for (const [name, args] of [
  ['everything__echo', { message: 'hello' }],
  ['everything__trigger-long-running-operation', { duration: 1, steps: 2 }],
  ['everything__trigger-elicitation-request', {}],
  ['time__get_current_time', { timezone: 'Europe/Berlin' }],
]) {
  const onprogress = (told) => progress.push(told.progress);
  const result = await client.callTool({ name, arguments: args }, undefined, { onprogress });
  said[name] = result.content.map((part) => part.text ?? '');
}
const session = transport.sessionId;
await transport.terminateSession();
await client.close();
console.log(JSON.stringify({ session, tools, said, progress }));
