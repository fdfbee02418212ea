"""A wrapt decorator that only calls the function: the least that any decorator built on wrapt costs."""

from typing import Any

import wrapt

from adapters import Contestant


@wrapt.decorator
def pass_through(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
    return wrapped(*args, **kwargs)


class Adapter(Contestant):
    burst = 20_000
    packages = ("wrapt",)

    def decorate(self, kind: str, function: Any) -> Any:
        return pass_through(function)
