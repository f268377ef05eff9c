// The TypeScript SDK of the 2.x line: typescript2.mjs legacy|auto COMMAND...
import assert from 'node:assert';
import { Client } from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import { story } from './story.mjs';

const [mode, command, ...args] = process.argv.slice(2);
let changed = () => {};
const client = new Client({ name: 'typescript2', version: '1' }, {
  versionNegotiation: { mode },
  listChanged: { tools: { autoRefresh: false, debounceMs: 0, onChanged: () => changed() } },
});
await client.connect(new StdioClientTransport({ command, args }));
assert.equal(client.getNegotiatedProtocolVersion() >= '2026-07-28', mode === 'auto');
await story(client, (hear) => { changed = hear; });
await client.close();
