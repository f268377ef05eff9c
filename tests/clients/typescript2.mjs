// The TypeScript SDK of the 2.x line: typescript2.mjs legacy|auto COMMAND..., or --http URL TOKEN in place of the command
import assert from 'node:assert';
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { overHttp, story } from './story.mjs';

const [mode, command, ...args] = process.argv.slice(2);
let changed = () => {};
const client = new Client({ name: 'typescript2', version: '1' }, {
  versionNegotiation: { mode },
  listChanged: { tools: { autoRefresh: false, debounceMs: 0, onChanged: () => changed() } },
});
await client.connect(command === '--http' ? overHttp(StreamableHTTPClientTransport, args) : new StdioClientTransport({ command, args }));
assert.equal(client.getNegotiatedProtocolVersion() >= '2026-07-28', mode === 'auto');
await story(client, (hear) => { changed = hear; });
await client.close();
