"""FastMCP's client: fastmcp_client.py legacy|auto COMMAND..., or --http URL TOKEN in place of the command"""

import asyncio
import sys

from fastmcp import Client
from fastmcp.client.messages import MessageHandler
from fastmcp.client.transports import StdioTransport, StreamableHttpTransport


class Hears(MessageHandler):
    def __init__(self):
        self.changed = asyncio.Event()

    async def on_tool_list_changed(self, notification):
        self.changed.set()


def transport(words):
    if words[0] == "--http":
        return StreamableHttpTransport(words[1], headers={"Authorization": f"Bearer {words[2]}"})
    return StdioTransport(words[0], words[1:])


async def main(mode, words):
    hears = Hears()

    async def tools(client):
        return [tool.name for tool in await client.list_tools()]

    async def call(client, tool, /, **given):
        return (await client.call_tool(tool, given)).content[0].text

    async def told(client):
        # In the newer era this client hears of changes by a subscription only, which it does not open by itself.
        if mode == "legacy":
            await asyncio.wait_for(hears.changed.wait(), 5)
            hears.changed.clear()

    async with Client(transport(words), mode=mode, message_handler=hears) as client:
        assert "builtin:time" in await call(client, "registry-find", query="time zones")
        assert "is active as time" in await call(client, "registry-add", id="time")
        await told(client)
        assert "time__get_current_time" in await tools(client)
        assert "UTC" in await call(client, "time__get_current_time", timezone="UTC")
        assert "not active any more" in await call(client, "registry-remove", name="time")
        await told(client)
        # What was listed is kept by this client for as long as it was told that it may be.
        await asyncio.sleep(1.1)
        assert not [name for name in await tools(client) if "__" in name]


asyncio.run(main(sys.argv[1], sys.argv[2:]))
