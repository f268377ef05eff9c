"""The Python SDK of the 2.x line: python2.py legacy|auto COMMAND..., or --http URL TOKEN in place of the command"""

import asyncio
import contextlib
import sys

import httpx2
import mcp_types as types
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client


@contextlib.asynccontextmanager
async def transport(words):
    if words[0] == "--http":
        _, url, token = words
        async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=120) as http:
            yield streamable_http_client(url, http_client=http)
    else:
        yield stdio_client(StdioServerParameters(command=words[0], args=words[1:]))


async def main(mode, words):
    changed = asyncio.Event()

    async def hear(message):
        if isinstance(message, types.ToolListChangedNotification):
            changed.set()

    async def listen(client, ready):
        async with client.listen(tools_list_changed=True) as events:
            ready.set()
            async for _ in events:
                changed.set()

    async def tools(client):
        return [tool.name for tool in (await client.list_tools()).tools]

    async def call(client, tool, /, **given):
        result = await client.call_tool(tool, given)
        assert not result.is_error, result
        return result.content[0].text

    async with transport(words) as way, Client(way, mode=mode, message_handler=hear) as client:
        newer = client.protocol_version >= "2026-07-28"
        assert newer == (mode == "auto"), client.protocol_version
        listening = None
        if newer:
            ready = asyncio.Event()
            listening = asyncio.create_task(listen(client, ready))
            await asyncio.wait_for(ready.wait(), 5)
        assert "builtin:time" in await call(client, "registry-find", query="time zones")
        assert "is active as time" in await call(client, "registry-add", id="time")
        await asyncio.wait_for(changed.wait(), 5)
        assert "time__get_current_time" in await tools(client)
        assert "UTC" in await call(client, "time__get_current_time", timezone="UTC")
        changed.clear()
        assert "not active any more" in await call(client, "registry-remove", name="time")
        await asyncio.wait_for(changed.wait(), 5)
        assert not [name for name in await tools(client) if "__" in name]
        if listening:
            listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await listening


asyncio.run(main(sys.argv[1], sys.argv[2:]))
