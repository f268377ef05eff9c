"""The Python SDK of the 1.x line: python1.py COMMAND..., or python1.py --http URL TOKEN"""

import asyncio
import contextlib
import sys

from mcp import ClientSession, StdioServerParameters, types
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamablehttp_client


@contextlib.asynccontextmanager
async def connected(words):
    if words[0] == "--http":
        _, url, token = words
        async with streamablehttp_client(url, headers={"Authorization": f"Bearer {token}"}) as (read, write, _):
            yield read, write
    else:
        async with stdio_client(StdioServerParameters(command=words[0], args=words[1:])) as (read, write):
            yield read, write


async def main(words):
    changed = asyncio.Event()

    async def hear(message):
        if isinstance(message, types.ServerNotification) and isinstance(message.root, types.ToolListChangedNotification):
            changed.set()

    async def tools(session):
        return [tool.name for tool in (await session.list_tools()).tools]

    async def call(session, tool, /, **given):
        result = await session.call_tool(tool, given)
        assert not result.isError, result
        return result.content[0].text

    async with connected(words) as (read, write), ClientSession(read, write, message_handler=hear) as session:
        await session.initialize()
        assert "builtin:time" in await call(session, "registry-find", query="time zones")
        assert "is active as time" in await call(session, "registry-add", id="time")
        await asyncio.wait_for(changed.wait(), 5)
        assert "time__get_current_time" in await tools(session)
        assert "UTC" in await call(session, "time__get_current_time", timezone="UTC")
        changed.clear()
        assert "not active any more" in await call(session, "registry-remove", name="time")
        await asyncio.wait_for(changed.wait(), 5)
        assert not [name for name in await tools(session) if "__" in name]


asyncio.run(main(sys.argv[1:]))
