// The TypeScript SDK of the 1.x line: typescript1.mjs COMMAND...
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { ToolListChangedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { story } from './story.mjs';

const [command, ...args] = process.argv.slice(2);
const client = new Client({ name: 'typescript1', version: '1' });
let changed = () => {};
client.setNotificationHandler(ToolListChangedNotificationSchema, () => changed());
await client.connect(new StdioClientTransport({ command, args }));
await story(client, (hear) => { changed = hear; });
await client.close();
