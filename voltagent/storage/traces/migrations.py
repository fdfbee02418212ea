"""The schema of the local store as a list of migrations.

A file's ``user_version`` is the number of migrations it has had. A released migration never changes: a change of the
schema is a new migration at the end.
"""

from __future__ import annotations

from typing import Final

# Distinguishes our files from other SQLite databases (`PRAGMA application_id`): "VAgt" in ASCII.
APPLICATION_ID: Final = 0x56416774

# Times are nanoseconds since the epoch. Payloads, tags, usage and errors are JSON text. Metadata is stored by origin,
# so that writing never has to read: that of the start, of updates (one JSON object per line), and of the end
# (likewise); later keys win. Wide columns come last, so that a scan over narrow ones skips their pages.
_TRACES: Final = """
CREATE TABLE traces (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    agent_id TEXT NOT NULL,
    name TEXT NOT NULL,
    status TEXT NOT NULL,
    start_ns INTEGER NOT NULL,
    end_ns INTEGER,
    completion_start_ns INTEGER,
    user_id TEXT,
    conversation_id TEXT,
    parent_trace_id TEXT,
    version TEXT,
    level TEXT,
    tags TEXT,
    usage TEXT,
    error TEXT,
    metadata TEXT,
    update_metadata TEXT,
    end_metadata TEXT,
    input TEXT,
    output TEXT
)"""

# An operation may be stored before its trace, which another process may write.
_OPERATIONS: Final = """
CREATE TABLE operations (
    key INTEGER PRIMARY KEY,
    trace_id TEXT NOT NULL,
    id TEXT NOT NULL,
    parent_id TEXT,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    operation TEXT,
    agent_id TEXT,
    status TEXT NOT NULL,
    start_ns INTEGER NOT NULL,
    end_ns INTEGER,
    version TEXT,
    level TEXT,
    tags TEXT,
    usage TEXT,
    error TEXT,
    instructions TEXT,
    metadata TEXT,
    update_metadata TEXT,
    end_metadata TEXT,
    input TEXT,
    output TEXT,
    UNIQUE (trace_id, id)
)"""

# Every index slows each insert. The partial ones cover only the rows that a list needs, so most inserts skip them.
_INDICES: Final = (
    "CREATE INDEX traces_start ON traces (start_ns)",
    "CREATE INDEX traces_agent ON traces (agent_id, start_ns)",
    "CREATE INDEX traces_status ON traces (status, start_ns) WHERE status <> 'completed'",
    "CREATE INDEX traces_user ON traces (user_id, start_ns) WHERE user_id IS NOT NULL",
    "CREATE INDEX traces_conversation ON traces (conversation_id, start_ns) WHERE conversation_id IS NOT NULL",
    "CREATE INDEX operations_errors ON operations (trace_id) WHERE status = 'error'",
    "CREATE INDEX operations_usage ON operations (trace_id) WHERE usage IS NOT NULL",
    "CREATE INDEX operations_tags ON operations (trace_id) WHERE tags IS NOT NULL",
    "CREATE INDEX operations_agents ON operations (name, trace_id) WHERE kind = 'agent'",
)

# Traces that `voltagent push` has settled, by destination: `refused` is the number of events of a trace that it
# refused. Deleted with the trace.
_PUSHED: Final = (
    """
CREATE TABLE pushed (
    trace_id TEXT NOT NULL,
    destination TEXT NOT NULL,
    refused INTEGER NOT NULL,
    PRIMARY KEY (trace_id, destination)
) WITHOUT ROWID""",
    "CREATE TRIGGER traces_deleted AFTER DELETE ON traces BEGIN DELETE FROM pushed WHERE trace_id = old.id; END",
)

# Running operations, so that polling for ends reads nothing else. Most operations are written after they have ended and
# never enter this index.
_RUNNING: Final = "CREATE INDEX operations_running ON operations (trace_id) WHERE status = 'running'"

# All columns that statistics and the filter by kind need, so that they do not read pages full of payloads.
_NUMBERS: Final = """
CREATE INDEX operations_numbers ON operations (kind, start_ns, name, end_ns, status, trace_id, usage)"""

# The span of another process that a trace continues, as `trace id, span id, tracestate`, separated by spaces.
_REMOTE: Final = "ALTER TABLE traces ADD COLUMN remote TEXT"

# The process that writes a running trace, by its locked name (see `voltagent.storage.traces.liveness`).
_WRITER: Final = "ALTER TABLE traces ADD COLUMN writer TEXT"

# Columns for filters, orders and sums, in narrow tables: building an index over `operations` would lock the file for
# one long step, and a column behind the payloads is slow to reach. Each batch fills them, and rows of an older version
# are converted gradually (`voltagent.storage.traces.digest`).
_CALLS: Final = """
CREATE TABLE calls (
    trace_id TEXT NOT NULL,
    id TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    agent_id TEXT,
    status TEXT NOT NULL,
    start_ns INTEGER NOT NULL,
    end_ns INTEGER,
    model TEXT,
    error_type TEXT,
    prompt_tokens,
    completion_tokens,
    total_tokens,
    cached_tokens,
    cost,
    summed INTEGER NOT NULL,
    PRIMARY KEY (trace_id, id)
) WITHOUT ROWID"""
_TOTALS: Final = """
CREATE TABLE totals (
    trace_id TEXT NOT NULL PRIMARY KEY,
    prompt_tokens,
    completion_tokens,
    total_tokens,
    cached_tokens,
    cost,
    environment TEXT
) WITHOUT ROWID"""
# Keys and values of the metadata of a trace and of all its operations.
_LABELS: Final = (
    """
CREATE TABLE labels (
    trace_id TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (trace_id, name, value)
) WITHOUT ROWID""",
    "CREATE INDEX labels_values ON labels (name, value)",  # the primary key is part of it
)
# `operation_id` is empty for a score of the trace itself; a value of the type "bool" is 0 or 1.
_SCORES: Final = """
CREATE TABLE scores (
    trace_id TEXT NOT NULL,
    operation_id TEXT NOT NULL,
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    value NOT NULL,
    comment TEXT,
    time_ns INTEGER NOT NULL,
    PRIMARY KEY (trace_id, operation_id, name)
) WITHOUT ROWID"""
# 1 for a trace with operations only, as its first span belongs to another process; 2 if that may still come.
_ROOTLESS: Final = "ALTER TABLE traces ADD COLUMN rootless INTEGER"
_DELETED: Final = (
    "DROP TRIGGER traces_deleted",
    """
CREATE TRIGGER traces_deleted AFTER DELETE ON traces BEGIN
    DELETE FROM pushed WHERE trace_id = old.id;
    DELETE FROM calls WHERE trace_id = old.id;
    DELETE FROM totals WHERE trace_id = old.id;
    DELETE FROM labels WHERE trace_id = old.id;
    DELETE FROM scores WHERE trace_id = old.id;
END""",
)
# Rows of an older version: keys up to `done` are converted, those up to `last` remain.
_CONVERSION: Final = (
    """
CREATE TABLE conversion (
    table_name TEXT NOT NULL PRIMARY KEY,
    done INTEGER NOT NULL,
    last INTEGER NOT NULL
) WITHOUT ROWID""",
    """
INSERT INTO conversion
SELECT 'operations', 0, max(key) FROM operations HAVING max(key) IS NOT NULL
UNION ALL SELECT 'traces', 0, max(key) FROM traces HAVING max(key) IS NOT NULL""",
)

# Traces that began in a process which another one started, though nothing was handed over. `settled` is 1 once the
# probable parent was found; such rows stay for a while, as each place is reported once.
_ORPHANS: Final = """
CREATE TABLE orphans (
    trace_id TEXT NOT NULL PRIMARY KEY,
    process INTEGER NOT NULL,
    start_ns INTEGER NOT NULL,
    cause TEXT NOT NULL,
    function TEXT NOT NULL,
    place TEXT NOT NULL,
    settled INTEGER NOT NULL
) WITHOUT ROWID"""

# What a trace started, with the span that called it: all that this lookup needs, so that it does not read payloads.
# Traces that nothing started are not in it.
_STARTED: Final = "CREATE INDEX traces_started ON traces (parent_trace_id, remote) WHERE parent_trace_id IS NOT NULL"

MIGRATIONS: Final[tuple[tuple[str, ...], ...]] = (
    (f"PRAGMA application_id = {APPLICATION_ID}", _TRACES, _OPERATIONS, *_INDICES),
    _PUSHED,
    (_RUNNING,),
    (_NUMBERS,),
    (_REMOTE,),
    (_WRITER,),
    (_CALLS, _TOTALS, *_LABELS, _SCORES, _ROOTLESS, *_DELETED, *_CONVERSION),
    (_ORPHANS,),
    (_STARTED,),
)
