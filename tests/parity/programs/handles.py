"""The part of `switch.py` that records runs with handles, for a server that looks at what it is sent."""

import asyncio
import sys

from switch import KEYS, by_hand, failing, in_a_block

from voltagent import VoltAgentSDK


async def main(url):
    async with VoltAgentSDK(base_url=url, **KEYS) as sdk:
        await in_a_block(sdk)
        await by_hand(sdk)
        await failing(sdk)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
