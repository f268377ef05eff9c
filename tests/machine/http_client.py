"""The Python SDK's client over HTTP, with what the machine's image of mcp-server-time holds.

    http_client.py URL TOKEN legacy|auto

Prints one JSON document: the era that was spoken, the names of the tools, and what tools of both servers answer.
"""
import asyncio
import json
import sys

import httpx2
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import ElicitResult

url, token, mode = sys.argv[1:]


async def main():
    async def elicit(context, params):
        return ElicitResult(action="accept", content={"name": "elicited"})

    seen = []

    async def progress(done, total, message):
        seen.append(done)

    headers = {"Authorization": f"Bearer {token}"}
    async with httpx2.AsyncClient(headers=headers, timeout=120) as http:
        transport = streamable_http_client(url, http_client=http)
        async with Client(transport, mode=mode, elicitation_callback=elicit) as client:
            tools = [tool.name for tool in (await client.list_tools()).tools]
            said = {}
            for tool, arguments in [
                ("everything__echo", {"message": "hello"}),
                ("everything__trigger-long-running-operation", {"duration": 1, "steps": 2}),
                ("everything__trigger-elicitation-request", {}),
                ("time__get_current_time", {"timezone": "Europe/Berlin"}),
            ]:
                result = await client.call_tool(tool, arguments, progress_callback=progress)
                said[tool] = [getattr(part, "text", "") for part in result.content]
            print(json.dumps({"version": client.protocol_version, "tools": tools, "said": said, "progress": seen}))


asyncio.run(main())
