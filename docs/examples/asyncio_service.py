"""A service on asyncio: requests are answered from threads, and the event loop never waits.

python asyncio_service.py host.jsonc code 8080
Then `GET /flask/v3.0.0` is answered with the commit, or with 404 or 503.
"""

import asyncio
import sys
from asyncio import StreamReader, StreamWriter
from functools import partial

from pydeps_host import Host, HostConfig, Store
from pydeps_host.errors import HostError


async def answer(host: Host, reader: StreamReader, writer: StreamWriter) -> None:
    """Answer one request and hang up."""
    words = (await reader.readline()).decode("ascii", "replace").split()
    name, _, revision = "".join(words[1:2]).strip("/").partition("/")
    try:
        ensured = await asyncio.to_thread(host.ensure, name, revision, timeout=30.0)
        status, text = "200 OK", ensured.commit
    except HostError as error:
        status, text = ("503 Service Unavailable" if error.retryable else "404 Not Found"), error.code
    writer.write(f"HTTP/1.0 {status}\r\nContent-Type: text/plain\r\n\r\n{text}\n".encode())
    await writer.drain()
    writer.close()


async def main(configuration: str, folder: str, port: int) -> None:
    """Serve until Ctrl-C."""
    with Host(HostConfig.load(configuration), Store(folder)) as host:
        server = await asyncio.start_server(partial(answer, host), "127.0.0.1", port)
        print("serving on port", server.sockets[0].getsockname()[1], flush=True)
        async with server:
            await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
