"""The server of ``voltagent ui``: local traces over HTTP, for the viewer and for programs that send to it."""
