// The TypeScript SDK of the 1.x line: typescript1.mjs COMMAND..., or typescript1.mjs --http URL TOKEN
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { overHttp, story } from './story.mjs';

const [command, ...args] = process.argv.slice(2);
const client = new Client({ name: 'typescript1', version: '1' });
let changed = () => {};
client.setNotificationHandler(ToolListChangedNotificationSchema, () => changed());
await client.connect(command === '--http' ? overHttp(StreamableHTTPClientTransport, args) : new StdioClientTransport({ command, args }));
await story(client, (hear) => { changed = hear; });
await client.close();
