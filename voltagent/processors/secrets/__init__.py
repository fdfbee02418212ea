"""Find the secrets in a payload and hide them. How a secret looks, by its name or form, is in ``vocabulary/`` only.

1. ``text/first_look`` searches the bytes for what ``text/checks`` lists. Most payloads have nothing and are left alone.
2. ``walk`` goes through what was decoded and hides what ``structures/`` recognises: values under secret names or beside
   them, in tables, lists of arguments, cookies and resources. ``strings`` has all other strings, as one ``text/scan``.
3. ``text/finders`` goes through that text piece by piece: ``text/searches/`` for headers, addresses, commands and the
   like (put together in ``text/groups``), ``text/assignments/`` for a name, an operator and a value, ``text/tables``
   for columns, ``text/tokens`` for prefixes. What is too dense to be examined, ``text/dense`` hides line by line.
4. ``found`` counts what was hidden, and hides it in every other place, also as ``spellings`` has it.
"""
