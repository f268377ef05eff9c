// What a client does, whichever SDK it is made with.
import assert from 'node:assert';

// An SDK's transport over HTTP, with the token shown.
export function overHttp(Transport, [url, token]) {
  return new Transport(new URL(url), { requestInit: { headers: { Authorization: `Bearer ${token}` } } });
}

// `onChange` takes what is to be called when the list of tools changes.
export async function story(client, onChange) {
  const call = async (name, given) => {
    const result = await client.callTool({ name, arguments: given });
    assert(!result.isError, JSON.stringify(result));
    return result.content[0].text;
  };
  const tools = async () => (await client.listTools()).tools.map((tool) => tool.name);
  // A change may come before it is waited for, while a call is on its way.
  let heard = 0;
  let wake = () => {};
  onChange(() => { heard += 1; wake(); });
  const change = async () => {
    const late = setTimeout(() => { throw new Error('no list_changed'); }, 5000);
    while (heard === 0) await new Promise((resolve) => { wake = resolve; });
    clearTimeout(late);
    heard = 0;
  };

  assert.match(await call('registry-find', { query: 'time zones' }), /builtin:time/);
  // Of what fails it is told why: a client may hold that against the tool's schema.
  const failed = await client.callTool({ name: 'registry-add', arguments: { id: 'time', options: { zone: 'x' } } });
  assert(failed.isError);
  assert.match(failed.content[0].text, /has no input "zone"/);
  assert.match(await call('registry-add', { id: 'time' }), /is active as time/);
  await change();
  assert((await tools()).includes('time__get_current_time'));
  assert.match(await call('time__get_current_time', { timezone: 'UTC' }), /UTC/);
  assert.match(await call('registry-remove', { name: 'time' }), /not active any more/);
  await change();
  assert.deepEqual((await tools()).filter((name) => name.includes('__')), []);
}
