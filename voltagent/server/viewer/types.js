// The shapes of what the server answers and of what the pages build from it, for the type checker (`make check`).
//
// There is no code in this file, and nothing loads it: the modules name its types in their comments.

/**
 * An object from recorded JSON, whose fields can be anything: each use looks at a field before it takes it for something.
 *
 * @typedef {{ [name: string]: any }} Fields
 */

/**
 * Token counts and cost as they were recorded.
 *
 * @typedef {object} Usage
 * @property {number} [prompt_tokens] all input tokens, cached ones included
 * @property {number} [completion_tokens]
 * @property {number} [total_tokens]
 * @property {number} [cached_tokens]
 * @property {number} [cache_write_tokens]
 * @property {number} [reasoning_tokens]
 * @property {number} [cost] in US dollars
 */

/**
 * A judgement of a trace or of an operation.
 *
 * @typedef {object} Score
 * @property {string} name
 * @property {number | boolean | string} value
 * @property {string | null} [comment]
 * @property {string | null} [operation] the id of the operation; the trace is meant without it
 * @property {number} [time] µs
 */

/**
 * What has a start and perhaps an end. Times are µs since the epoch, durations µs.
 *
 * @typedef {object} Timed
 * @property {string} status
 * @property {number} start
 * @property {number | null} [duration]
 * @property {number} [until] until when it runs, for now
 * @property {number} [last_active] when something of it last began or ended
 * @property {boolean} [unfinished] it never ends, because its process has gone, or was ended when that shut down
 */

/**
 * @typedef {object} TraceFacts
 * @property {string} id
 * @property {string} agent
 * @property {string} [name]
 * @property {number} operations
 * @property {number} errors
 * @property {string} [user]
 * @property {string} [conversation]
 * @property {string[]} [tags]
 * @property {string} [version]
 * @property {string} [environment]
 * @property {string[]} [models]
 * @property {Usage} [usage]
 * @property {number} [tokens] all of them, if they were counted
 * @property {number} [cached] those of them that were cached
 * @property {number} [cost] in US dollars
 * @property {Score[]} [scores]
 * @property {boolean} [foreign] its first operation has a parent in another process
 * @property {string} [parent_trace]
 * @property {number} [status_code] of the response, if it is a web request
 */

/**
 * A trace in a list: `input` is how its input begins.
 *
 * @typedef {Timed & TraceFacts & { input?: string, error?: string }} TraceLine
 */

/**
 * A trace or an operation with all that was recorded of it.
 *
 * @typedef {object} Payloads
 * @property {string} kind
 * @property {string} [operation] `read` or `write` of a memory
 * @property {Fields | null} [metadata]
 * @property {unknown} [input]
 * @property {unknown} [output]
 * @property {unknown} [instructions]
 * @property {unknown} [error]
 * @property {string} [level]
 * @property {string} [model]
 * @property {string} [error_type]
 */

/** @typedef {Timed & Partial<TraceFacts> & Payloads & { id: string }} Thing */
/** @typedef {Timed & TraceFacts & Omit<Payloads, "kind"> & { kind?: string }} TraceWhole */

/**
 * The answer of `/api/traces/{id}`: operations as rows without payloads; `more` of them are still to be requested.
 *
 * `started` are the traces that it started, in the form of operations.
 *
 * @typedef {{ trace: TraceWhole, columns: string[], operations: unknown[][], started?: unknown[][], more?: number }} TraceAnswer
 */

/**
 * An operation as a node of the tree. Node 0 is the trace; nodes after the last operation are groups of equal siblings.
 *
 * @typedef {object} NodeFacts
 * @property {string} id
 * @property {number} index its place among the nodes
 * @property {number} parent the index of its parent, -1 for the trace
 * @property {number[]} children
 * @property {number} depth
 * @property {number} descendants
 * @property {number} failures how many of its descendants failed
 * @property {number[]} shown the rows below it, groups included
 * @property {number} above the row above it, groups included
 * @property {string} kind
 * @property {string} name
 * @property {string} [agent]
 * @property {string | null} [operation]
 * @property {Usage | null} [usage]
 * @property {number | null} [tokens]
 * @property {number | null} [cached]
 * @property {number | null} [cost]
 * @property {string | null} [model]
 * @property {string | null} [error]
 * @property {string[] | null} [tags]
 * @property {string | null} [preview] how its input begins
 * @property {Score[] | null} [scores]
 * @property {boolean} [started] it is another trace, which this one started
 * @property {{ count: number, failed: number }} [group] set for a group of equal siblings
 */

/** @typedef {Timed & NodeFacts} TreeNode */
/** @typedef {{ from: number, to: number }} Extent */
/** @typedef {[from: number, to: number]} Segment */
/** @typedef {{ one: TreeNode | null, other: TreeNode | null, depth: number }} Pair */

/**
 * A part of a message.
 *
 * @typedef {{ type: "text" | "reasoning", text: string }} TextPart
 * @typedef {{ type: "result", id: string | null, name: string | null, value: unknown, failed: boolean }} ResultPart
 * @typedef {{ type: "call", id: string | null, name: string, input: unknown, result: ResultPart | null, due?: boolean }} CallPart
 * @typedef {{ type: "media", mime: string, size: number | null, name: string | null, data: string | null, url: string | null }} MediaPart
 * @typedef {{ type: "json", value: unknown }} JsonPart
 * @typedef {TextPart | ResultPart | CallPart | MediaPart | JsonPart} Part
 * @typedef {{ role: string, side: string, name: string | null, parts: Part[] }} Message
 * @typedef {{ messages: Message[], rest: Fields | null }} Found
 */

/**
 * Markdown as a tree.
 *
 * @typedef {string | { type: "code", text: string } | { type: "strong" | "emphasis" | "deleted", children: Inline[] }
 *   | { type: "link", children: Inline[], target: string }} Inline
 * @typedef {{ type: "heading", level: number, children: Inline[] } | { type: "paragraph", children: Inline[] }
 *   | { type: "quote", children: Block[] } | { type: "list", ordered: boolean, start: number | null, items: Block[][] }
 *   | { type: "code", language: string, text: string } | { type: "table", head: Inline[][], rows: Inline[][][] }
 *   | { type: "rule" }} Block
 */

/**
 * What `element` takes: attributes by name, `on` for listeners, `style` for properties, `shows` (see `patch.js`).
 *
 * @typedef {string | number | boolean | null | undefined} Plain
 * @typedef {{ [event: string]: (event: any) => unknown }} Listeners
 * @typedef {{ on?: Listeners, style?: { [property: string]: Plain }, shows?: () => string, [name: string]: unknown }} Attributes
 * @typedef {globalThis.Node | Plain | ChildList} Child
 * @typedef {Child[]} ChildList
 */

/** @typedef {[keys: string[], does: string, act?: (event: KeyboardEvent) => unknown]} KeyRow */

/**
 * An address: the page, the segments of its path, and its query.
 *
 * @typedef {{ page: string, places: string[], query: { [name: string]: string } }} Route
 * @typedef {{ update: (route: Route) => unknown, close: () => void }} Page
 */

/**
 * A series of a plot: a number or null per bucket.
 *
 * @typedef {{ name: string, colour: string, values: (number | null)[], dashed?: boolean }} Series
 */
