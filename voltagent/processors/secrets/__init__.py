"""Find the secrets in a payload and hide them.

From a JSON text that comes in to a value that is hidden:

1. ``text/first_look`` searches the bytes for what ``text/checks`` lists. Most payloads have nothing suspicious and are
   left alone.
2. ``walk`` goes through what was decoded. It hides what ``structures/`` recognises: values under secret names, in
   fields beside their names, in tables, lists of arguments, cookies and resources.
3. ``strings`` collects all other strings and searches them together, as one ``text/scan``.
4. ``text/finders`` goes through this text piece by piece. ``text/searches/`` knows headers, addresses, commands and the
   like, put together in ``text/groups``; ``text/assignments/`` a name, an operator and a value; ``text/tables``
   columns; and ``text/tokens`` prefixes. A piece with more candidates than can be examined is hidden line by line by
   ``text/dense``.
5. ``found`` counts what was hidden, and hides it in every other place of the payload.

What a secret looks like, whether by its name or by its form, is in ``vocabulary/`` only.
"""
