/** Every bound, deadline and batch size that is not configuration, with its unit and its reason. Any thread. */

// Main thread: requests to shards, supervision, hand-over of connections.

/**
 * Milliseconds a shard may take to answer main. Too small fails requests to a busy shard, too large hides a
 * stuck one.
 */
export const SHARD_REQUEST_TIMEOUT_MS = 5_000;
/**
 * Milliseconds a shard has to take a changed configuration; then it is ended and started anew with it. Too small: a
 * shard that is busy for a moment loses its clients. Too large: whoever changes something waits.
 */
export const CONFIG_UPDATE_TIMEOUT_MS = 5_000;
/** Changes of the configuration that wait for those before. Too small: a script that sets many at once is refused. */
export const SETTINGS_WAITING_MAX = 256;
/** Bytes of the file of kept settings. Too large: a damaged file fills the memory at start. */
export const KEPT_SETTINGS_BYTES_MAX = 4 << 20;
/**
 * Milliseconds between two looks at everything on main that has a deadline: the error of each of them while anything is
 * under way.
 */
export const SUPERVISOR_SWEEP_INTERVAL_MS = 100;
/**
 * The same, and that of TIMER_WHEEL_TICK_MS, on a thread on which nothing has happened since the look before, and
 * nothing is under way. Smaller: an idle broker is woken more often, at 0.3 ms of CPU each time. Larger: what is due
 * while nobody does anything, as the end of a client that is silent, comes later; above PEER_SILENCE_STEP_MS_MAX,
 * so does the end of a shard's patience with another.
 */
export const REST_TICK_MS = 500;
/** A look later by more than this means that main itself stood still: the silence of shards is not counted then. */
export const SUPERVISOR_LATE_SWEEP_MS = 1_000;
/** Milliseconds from the `shard.started` of a shard to its `shard.ready`; a slow disk or a busy machine needs some. */
export const SHARD_START_TIMEOUT_MS = 30_000;
/**
 * Milliseconds for two shards to exchange their whole interest, ten million filters in 30 s, before the log says that
 * they are slow. Larger hides a fault.
 */
export const PEER_CONNECT_TIMEOUT_MS = 600_000;
/** Milliseconds before the first restart of a shard; each further one waits twice as long. */
export const SHARD_BACKOFF_MIN_MS = 100;
/** Longest wait before a restart: its clients are locked out for this time. */
export const SHARD_BACKOFF_MAX_MS = 5_000;
/** Crashes of all shards together, within the window below, that stop the broker. */
export const SHARD_CRASHES_MAX = 5;
/** Milliseconds in which crashes are counted, and after which a shard's backoff starts anew. */
export const SHARD_CRASH_WINDOW_MS = 60_000;
/** Milliseconds on top of the shutdown deadline in which a shard that has closed its connections ends its task. */
export const SHARD_STOP_GRACE_MS = 1_000;
/** Milliseconds a shard's thread may take to end once it was told to; after it the broker stops without it. */
export const SHARD_EXIT_TIMEOUT_MS = 5_000;
/**
 * More shards than this gain nothing (interest goes to each of them), and a route names shards by bits of one
 * word.
 */
export const SHARDS_MAX = 32;
/** Share of the memory really there that the heaps of all shards may fill; buffers outside them need the rest. */
export const HEAPS_MEMORY_SHARE = 0.6;
/** Share of the memory really there that may wait in all shards together, where `shard.memory_budget` is 0. */
export const WAITING_MEMORY_SHARE = 0.25;
/** A shard's heap in MiB at least, also on the smallest machine. */
export const SHARD_HEAP_MIN_MIB = 192;
/** A shard's young generation in MiB: smaller promotes what dies with its turn, larger makes a scavenge longer. */
export const SHARD_YOUNG_HEAP_MIB = 48;
/** Part of its heap limit in use above which a shard gets a `large_heap` warning. */
export const LARGE_HEAP_SHARE = 0.85;
/** A turn longer than this, in milliseconds, gives a `long_schedule` warning (EMQ's figure). */
export const LONG_TURN_MS = 240;
/** Connections whose opening is not whole at one time; above it the oldest is closed. Each costs about 4 KB. */
export const HALF_READ_CONNECTIONS_MAX = 32_768;
/**
 * Bytes kept of half-read openings on main altogether, and of half-read CONNECTs on all shards; above it the oldest is
 * closed. Too small closes slow clients, too large is memory for people who never say who they are.
 */
export const HALF_READ_BYTES_MAX = 64 << 20;
/**
 * Half-read connections whose time is over that are closed in one sweep, some 10 us each. Too few lets them heap up
 * faster than they go, too many holds main's loop.
 */
export const HALF_READ_ENDS_PER_SWEEP_MAX = 2_048;
/** First buffer of an opening that comes in pieces, in bytes; it doubles as it fills. */
export const HALF_READ_BUFFER_BYTES = 256;
/**
 * Bytes of a PROXY header. Smaller refuses proxies that tell much about a client's certificate, larger is memory that
 * a client without a header of its own may fill.
 */
export const PROXY_HEADER_BYTES_MAX = 4 << 10;
/**
 * Bytes of a ClientHello; with keys that resist quantum computers and a ticket it has 4 KB. Smaller refuses clients to
 * come, larger is memory for people who never finish one.
 */
export const TLS_HELLO_BYTES_MAX = 16 << 10;
/** Records a ClientHello may be cut into; nearly every client's lies in one. All are walked for each piece of it. */
export const TLS_HELLO_RECORDS_MAX = 16;
/** Bytes of an HTTP request's head: Node's own default. Smaller refuses browsers with many cookies. */
export const HTTP_HEAD_BYTES_MAX = 16 << 10;
/** Connections held per shard while it restarts; above it they are closed. Each holds a descriptor. */
export const WAITING_CONNECTIONS_MAX = 4_096;
/** Bytes of CONNECTs held per shard while it restarts or lags; above it connections are closed. */
export const WAITING_CONNECTION_BYTES_MAX = 32 << 20;
/** Connections posted to a shard and not yet adopted; above it the shard is stuck and they are closed. */
export const UNADOPTED_CONNECTIONS_MAX = 16_384;
/**
 * Milliseconds a connection waits for a restarting shard. Longer than one restart takes, shorter than clients
 * wait.
 */
export const WAITING_CONNECTION_TIMEOUT_MS = 10_000;
/** Distinct reasons counted per listener; more are counted as `other`. */
export const SHUTDOWN_REASONS_MAX = 64;
/** Milliseconds between two log lines about the same trouble of a listener, such as no free descriptor. */
export const LISTENER_LOG_INTERVAL_MS = 5_000;
/** Active alarms that main keeps; more are published but not listed. */
export const ALARMS_MAX = 10_000;
/** Bytes of `node.json`; a larger file is not ours. */
export const NODE_FILE_BYTES_MAX = 64 << 10;

/** Copies handed to subscribers in one turn. Too small costs flushes, too large lets one fan-out hold the loop. */
export const TURN_DELIVERIES_MAX = 32_768;
/** Bytes of packets read in one turn; see above. */
export const TURN_INPUT_BYTES_MAX = 2 << 20;
/** Time of one turn, in milliseconds, for work whose cost the counts above do not show. */
export const TURN_TIME_MAX_MS = 3;
/** Packets between two looks at the clock, which costs as much as a small packet. */
export const TURN_CLOCK_CHECK_PACKETS = 32;
/**
 * From the beginning of one turn to that of the next, in milliseconds, with short pauses: what messages may wait at
 * each shard that they pass. Longer makes reads and writes fewer, and is seen in the latency at half load.
 */
export const PACE_SHORT_PERIOD_MS = 0.8;
/** The same with long pauses. Seen in latencies, too, so only where messages wait anyway. */
export const PACE_LONG_PERIOD_MS = 2;
/** A shorter pause, in milliseconds, saves less than it costs. */
export const PACE_PAUSE_MS_MIN = 0.1;
/** Blocks of a trial of pauses, the half of them with the longer ones. A power of two. */
export const PACE_TRIAL_BLOCKS = 8;
/** Of one such block, in milliseconds: longer than messages take that wait for each other, shorter than what lasts. */
export const PACE_TRIAL_BLOCK_MS = 32;
/** Turns that begin later than this after the last, in milliseconds, do not count in a trial. */
export const PACE_GAP_MS_MAX = 6;
/** With less of a trial than this in milliseconds behind either kind of pause, there was too little to do. */
export const PACE_TELLING_MS_MIN = 64;
/** The same with fewer packets: what else keeps the thread busy, pauses cannot make cheaper. */
export const PACE_TELLING_PACKETS_MIN = 100;
/** Pauses are worth it where a packet takes at most this share of the time, */
export const PACE_COST_SHARE_MAX = 0.92;
/** and the share of the rate that they cost is at most so much of the share of the time that they save; */
export const PACE_RATE_FOR_COST = 0.6;
/** long ones where they raise the rate to this, */
export const PACE_LONG_RATE_SHARE_MIN = 1.08;
/** or where with short ones the thread is busy for this share of its time, */
export const PACE_LIMIT_BUSY_SHARE = 0.92;
/** and this share of the rate is left: clients that wait for answers do not care how busy it is. */
export const PACE_LIMIT_RATE_SHARE_MIN = 0.98;
/** With less of the rate, after a quarter of its blocks, a trial is not carried on: it costs clients; */
export const PACE_RATE_SHARE_HOPELESS = 0.6;
/** with less than this where long pauses are tried, which nobody who waits for answers is to feel for long; */
export const PACE_LONG_SHARE_HOPELESS = 0.9;
/** provided that so many milliseconds of both kinds have been seen. */
export const PACE_HINT_MS_MIN = 16;
/** No pauses at all where without them the thread is busy for less than this share of its time: it can afford calls. */
export const PACE_SHORT_BUSY_SHARE_MIN = 0.5;
/** Long pauses are not tried where that is less than this, */
export const PACE_LONG_BUSY_SHARE_MIN = 0.75;
/** and after they have lost, not in 1, 2, 4, up to so many trials. */
export const PACE_LONG_SKIPS_MAX = 8;
/**
 * Trials are in every second, fourth, at last every eighth stretch of their length, unless one has changed something:
 * too often costs clients that wait for answers, too seldom keeps pauses for them when they come.
 */
export const PACE_TRIAL_EVERY_MAX = 8;
/** Packets that one walk of the filter tree counts for: a microsecond as a rule, and a millisecond at worst. */
export const TURN_WALK_PACKETS = 8;

/** Bytes read from a socket at once. Smaller means more system calls, larger more time between flushes. */
export const READ_BUFFER_BYTES = 64 << 10;
/** Bytes of one output chunk: what a connection gathers in a turn before it writes early. */
export const OUTPUT_CHUNK_BYTES = 16 << 10;
/** Output chunks kept for reuse by one shard; above it they go back to the garbage collector. */
export const OUTPUT_CHUNKS_KEPT_MAX = 2_048;
/** Chunks in use in one turn before outputs are flushed early: bounds memory of a fan-out to many. */
export const OUTPUT_CHUNKS_DIRTY_MAX = 2_048;
/** A frame from this size on is written by itself instead of being copied into a chunk. */
export const OUTPUT_COPY_BYTES_MAX = 8 << 10;
/** Bytes of a frame up to which a copying loop beats a call to TypedArray.set. */
export const COPY_LOOP_BYTES_MAX = 64;
/** The same where both sides are prepared for copying four at once. */
export const COPY_WORDS_BYTES_MAX = 160;
/**
 * Bytes handed to a link at once. Too small costs system calls where much waits; too large, and a slow reader that does
 * take something within its listener's `send_timeout` is closed as if it took nothing.
 */
export const LINK_WRITE_BYTES_MAX = 64 << 10;
/**
 * Bytes of one TLS connection that are copied while a write is under way. Too small: a client that answers at once
 * counts as one that does not read, and is not told why it is disconnected; too large: memory that nobody accounts for.
 */
export const TLS_COPY_BYTES_MAX = 16 << 10;
/** Milliseconds that a closing connection may take to send what is already written for it. */
export const LINK_CLOSE_TIMEOUT_MS = 2_000;
/** Payload of a WebSocket frame in bytes, unless packets may be larger. Not kept; too small refuses joined packets. */
export const WEBSOCKET_FRAME_BYTES_MAX = 16 << 20;
/** As above for messages that are compressed, which are kept until they are whole: memory for each such client. */
export const WEBSOCKET_MESSAGE_BYTES_MAX = 1 << 20;
/** Bytes of a message from which it is compressed for a client that asked for it; less would hardly shrink. */
export const WEBSOCKET_COMPRESS_BYTES_MIN = 512;
/** Bytes being compressed for one client before its writer waits. No budget sees them; too small waits for each. */
export const WEBSOCKET_COMPRESSING_BYTES_MAX = 64 << 10;
/** Bytes inflated at a time. Too large: one read grows a thousandfold after its pause; too small costs calls. */
export const INFLATE_PIECE_BYTES = 4 << 10;
/** Headers of a WebSocket handshake; browsers and proxies send 30. More are refused: each becomes a string. */
export const HTTP_HEADERS_MAX = 100;

/**
 * Bytes up to which a stored message is kept as a one-byte string on the JavaScript heap instead of in memory of its
 * own outside. Too small: every stored message costs a microsecond and 350 bytes more. Too large: the collector copies
 * large strings about before it finds them long-lived.
 */
export const MESSAGE_TEXT_BYTES_MAX = 4096;

/** What a stored message is taken to cost besides its own bytes. Too small lets many tiny messages pass a budget. */
export const MESSAGE_OVERHEAD_BYTES = 160;
/** What the names of its publisher are taken to cost besides their own bytes, where a message has them. As above. */
export const AUTHOR_OVERHEAD_BYTES = 24;

/** Largest MQTT packet there can be, fixed header included: what a client accepts that names no maximum. */
export const PACKET_BYTES_MAX = 268_435_460;

/**
 * Bytes of a topic filter that count as one when SUBSCRIBE is read in slices. Too small: more slices than need be; too
 * large: a slice of long filters holds the loop.
 */
export const SUBSCRIBE_FILTER_UNIT_BYTES = 64;
/** Room for every variant of one small frame: 12 of them, each at most OUTPUT_COPY_BYTES_MAX. */
export const FRAME_SCRATCH_BYTES = 12 * OUTPUT_COPY_BYTES_MAX;
/** Bytes by which the memory of a half-read packet may exceed twice what has come of it. */
export const INPUT_SLACK_BYTES = 4 << 10;
/** Topics shorter than this get no alias from us: it would cost what it saves. */
export const ALIAS_TOPIC_BYTES_MIN = 8;
/** Aliases we use towards one client, however many it allows: each holds a copy of its topic. */
export const ALIASES_OUT_MAX = 256;
/** Milliseconds an acknowledgement may wait for the store before its publisher is told that it failed. */
export const COMMIT_TIMEOUT_MS = 10_000;

// Hooks

/** Milliseconds one handler may take to answer. Too small refuses clients of a busy plugin, too large holds them. */
export const HOOK_TIMEOUT_MS = 10_000;
/** Milliseconds between two log lines about one handler. Too small: a broken plugin fills the log with every packet. */
export const HOOK_LOG_INTERVAL_MS = 5_000;
/** Characters of what a handler threw that are logged. */
export const HOOK_ERROR_CHARS_MAX = 300;
/**
 * Clients of one shard whose authentication plugins have not answered yet, each with its CONNECT packet in memory; more
 * are told that the server is busy. Too small turns clients away after a restart, when all of them are back at once.
 * Must be more than HASHES_WAITING_MAX: there, whoever floods the broker loses its place first, here nobody looks who
 * it is.
 */
export const AUTHENTICATIONS_UNDER_WAY_MAX = 16_384;
/** Filters that a plugin is told of at once; a SUBSCRIBE with more comes in several calls. Too large holds the loop. */
export const HOOK_FILTERS_MAX = 256;
/** Messages of the broker itself that wait for a plugin's answer in one shard; more are dropped. */
export const OWN_MESSAGES_WAITING_MAX = 10_000;
/** Their bytes; as above. Each of these may be as large as a packet. */
export const OWN_MESSAGES_WAITING_BYTES_MAX = 16 << 20;
/** Bytes of a PUBLISH besides its topic, properties and payload: what is left free where plugins rewrite messages. */
export const PUBLISH_HEADER_BYTES_MAX = 16;

// Between shards.

/**
 * Bytes of records after which a batch is posted within the turn. Too small: a post costs 3 us; too large: the
 * other shard idles, and what is read there has left the caches (64 KiB took 7 % more CPU in bursts).
 */
export const PEER_BATCH_BYTES_MAX = 8_192;

/**
 * Memory with which a channel's batch starts. Too small grows often, too large wastes it on every idle pair of
 * shards.
 */
export const PEER_SCRATCH_START_BYTES = 16_384;

/** Batch memory above which it is not kept for the next batch. Too small grows anew per batch; too large hoards. */
export const PEER_SCRATCH_KEEP_BYTES_MAX = 262_144;

/**
 * Bytes on their way to one shard before publishers are held up. Too small stalls bursts; too large is memory
 * and latency.
 */
export const PEER_CREDIT_BYTES = 8_388_608;

/**
 * Bytes by which the broker's own messages (wills, $SYS, bounces) may exceed credit. Too small drops QoS 0
 * wills in bursts.
 */
export const PEER_OVERDRAFT_BYTES = 8_388_608;

/**
 * Bytes of QoS 1 and 2 that wait for a silent shard. Too small stalls publishers; too large is memory nobody
 * reads.
 */
export const PEER_WAITING_BYTES_MAX = 67_108_864;

/**
 * Time without a sign of life, with batches out, after which a shard is silent. Too short drops QoS 0 in a
 * long pause.
 */
export const PEER_SILENCE_MS = 2_000;

/**
 * The most one sweep adds to a silence: who has slept himself has heard nobody. Too large calls the living
 * silent.
 */
export const PEER_SILENCE_STEP_MS_MAX = 500;

/**
 * Bytes that are posted to another shard as text; more are transferred as a buffer. Too small: a post of few bytes
 * costs both threads 4 us more together; too large: copying costs more than that.
 */
export const PEER_TEXT_BYTES_MAX = 16 << 10;

/**
 * Milliseconds for which a batch stays in the outbox after its target has it. Too short: a backup, which reads one
 * shard after the other, finds it in neither. Too long: a larger store, and more to look at when the shard starts.
 */
export const OUTBOX_KEEP_MS = 2_000;

/** Bytes of records of one batch in the outbox: more rows cost the store more, larger ones hold the loop longer. */
export const OUTBOX_ROW_BYTES_MAX = 65_536;

/**
 * What a batch in the outbox takes beside its records, for the bounds in bytes. Too small: many small ones are free.
 */
export const OUTBOX_BATCH_BYTES = 256;

/** Batches posted to a shard that is back between two looks at the clock. Too large holds the loop. */
export const OUTBOX_POST_SLICE = 16;

/** Changes of interest per message and slice. Too small costs posts; too large holds both loops. */
export const PEER_INTEREST_SLICE = 256;

/** Messages of changed interest posted per turn and peer; the rest waits for the next. Too large holds the loop. */
export const PEER_INTEREST_POSTS_PER_TURN = 8;

/** Entries of a dead shard's interest forgotten between two looks at the clock. Too large holds the loop. */
export const PEER_DROP_SLICE = 1_024;

/**
 * Bytes of one client that may be on their way through a relay, in each direction, before its reader is asked to wait.
 * Too small costs throughput when the shards are busy; too large is memory times clients that do not read. What is sent
 * at once may exceed it: a packet that waited, at most what main reads before CONNECT.
 */
export const RELAY_WINDOW_BYTES = 64 << 10;

/** Bytes taken before the sender of a relay is told so. Too small costs records, too large lets windows run dry. */
export const RELAY_CREDIT_BYTES = RELAY_WINDOW_BYTES / 4;

/** Bytes of records of all relays to one shard after which they are posted within the turn; as PEER_BATCH_BYTES_MAX. */
export const RELAY_BATCH_BYTES_MAX = 128 << 10;

/**
 * Bytes of all relays on their way to one shard before whoever writes has to wait, as PEER_CREDIT_BYTES for batches.
 * Too small stalls bursts to many clients; too large is memory that nobody can give up, and long turns over there.
 */
export const RELAYS_UNDER_WAY_BYTES_MAX = 8 << 20;

/** Relays of a dead shard ended between two looks at the clock. Too large holds the loop. */
export const RELAY_LOST_SLICE = 64;

// Configuration

/** Bytes of a configuration file. Smaller refuses real ones (EMQ's has 20 KB); larger only delays the error. */
export const CONFIG_FILE_BYTES_MAX = 1 << 20;

/** Levels of nesting of configuration values. Keys have at most six words; deeper is a mistake or hostile. */
export const CONFIG_NESTING_MAX = 12;

/** Characters of a configuration key. Longer ones are cut in messages, never searched for a likely meaning. */
export const CONFIG_KEY_CHARS_MAX = 200;

/** Listeners of one configuration. Each is a descriptor on main; more than that is a generated mistake. */
export const LISTENERS_MAX = 64;
/** Certificates beside the first that one listener may have. Each costs memory in every shard. */
export const SNI_CERTIFICATES_MAX = 64;
/** Items of a list in the configuration, such as trusted proxies: each is looked at per connection. */
export const LIST_ITEMS_MAX = 256;
/** Bytes of the path of a Unix domain socket: the kernel has room for 108 with the zero behind it. */
export const UNIX_PATH_BYTES_MAX = 107;

/**
 * Slots an in-flight window starts with. 4 fill the 64 bytes that V8 keeps inside its heap: with 8 a first message
 * costs 445 ns instead of 65. Fewer means growing more often.
 */
export const INFLIGHT_SLOTS_MIN = 4;
/** Slots a message queue starts with; as above. */
export const QUEUE_SLOTS_MIN = 8;
/** Slots a set of packet ids starts with; as above. */
export const PACKET_ID_SLOTS_MIN = 8;
/** A set of packet ids larger than this gives its memory back when it is empty; smaller gives it back too often. */
export const PACKET_ID_SLOTS_KEPT_MAX = 64;

/**
 * Resolution of deadlines, in milliseconds. Smaller means more slots looked at per second, larger means firing later
 * than asked. While nothing happens it is REST_TICK_MS.
 */
export const TIMER_WHEEL_TICK_MS = 100;
/** Slots of a timer wheel. Fewer means that a far deadline is looked at more often, more costs memory once. */
export const TIMER_WHEEL_SLOTS = 4_096;

/** Messages of a share group's member that has left, given to others between two looks at the clock; 1 to 2 us each. */
export const SHARE_LEFT_SLICE = 256;

/** Subscriptions of an ended session taken down between two looks at the clock. */
export const SESSION_REMOVE_SLICE = 256;
/**
 * Filters that one packet, or one session that ends, adds or takes down in a turn: each costs as much again at its
 * end, when the other shards are told. Too small means more turns for a large SUBSCRIBE, too large holds the loop.
 */
export const FILTERS_PER_TURN_MAX = 2_048;
/** Filters of one SUBSCRIBE or UNSUBSCRIBE handled between two looks at the clock. */
export const SUBSCRIBE_SLICE = 64;
/** SUBSCRIBEs of one connection that may await other shards before it is no longer read. */
export const SUBACKS_PENDING_MAX = 64;
/**
 * Acknowledgements of one connection that may wait for the store before it is no longer read. Too small holds up who
 * publishes a lot while a commit takes its time; too large lets one that repeats itself fill the memory meanwhile.
 */
export const GATED_ACKS_MAX = 16_384;
/**
 * Bytes of retained messages asked for at a time. Smaller means more round trips, larger more that waits for a
 * slow reader.
 */
export const REPLAY_PAGE_BYTES = 64 << 10;
/**
 * Subscriptions of one session whose retained messages may be waited for before it gets no more, each about 200
 * bytes; a packet of 1 MB holds as many. Too small refuses clients with very many, too large is memory for one client.
 */
export const REPLAYS_WAITING_MAX = 262_144;
/** Topics remembered per session during a replay, so that no older message follows a newer one. */
export const REPLAY_TOPICS_SEEN_MAX = 10_000;
/** Steps through the retained tree in one slice: well under a millisecond. */
export const REPLAY_NODES_SLICE = 2_000;
/** Nodes of the retained tree looked at for expiry every tick. */
export const RETAINED_SWEEP_NODES = 2_000;

/** Deadlines handled between two looks at the turn's budget. Too many hold the loop where each publishes a will. */
export const WHEEL_ITEMS_SLICE = 32;
/** Milliseconds between two rounds over all connections. */
export const SWEEP_ROUND_MS = 1_000;
/** Connections looked at in one tick of a round. */
export const SWEEP_CONNECTIONS_MAX = 4_000;
/** Milliseconds between two heartbeats of a shard. */
export const HEARTBEAT_MS = 1_000;
/**
 * Topics whose routes one shard remembers. Too small walks the tree for busy topics, too large costs about 200
 * bytes each.
 */
export const TOPICS_CACHED_MAX = 65_536;
/** Part of the topic cache that any topic gets into; of the rest only those that come again. Too small: each of many
 *  topics in use is matched twice; too large: topics that never come again empty the cache sooner. */
export const TOPICS_CACHED_UNASKED_SHARE = 1 / 2;
/** Sessions in all remembered routes of one shard together. */
export const TARGETS_CACHED_MAX = 1 << 20;

/** Share of a shard's memory budget in use from which no new client is taken and QoS 0 to slow readers is dropped. */
export const BUDGET_TIGHT_SHARE = 0.8;
/**
 * Part of its memory budget by which a shard's output may grow before it looks whether that is too much, in the same
 * turn. Too small looks at every burst, too large lets a burst pass the budget by as much.
 */
export const BUDGET_LOOK_SHARE = 1 / 16;
/** Waiters of about the same size looked at to find the largest; more costs time just when there is none. */
export const BUDGET_LARGEST_LOOKED_AT_MAX = 1_024;

/**
 * Milliseconds by which writes of one retained topic may arrive out of order while all shards live, as long as a silent
 * one is waited for. Too small lets a late write win, too large holds writes back after the clock was set back by less.
 */
export const RETAINED_SKEW_MAX_MS = 15_000;
/** Removals of retained topics remembered for that time, each about 60 bytes; above it the oldest are forgotten. */
export const RETAINED_REMOVALS_MAX = 65_536;
/** Bytes a level of a retained topic counts against the store's limit, beside the message; as measured. */
export const RETAINED_NODE_BYTES = 64;
/** Milliseconds between two log lines of a shard about messages that are not retained; they are counted meanwhile. */
export const RETAINED_LOG_INTERVAL_MS = 5_000;
/** Nodes of a retained tree walked in one go; 4,096 take less than a millisecond. */
export const RETAINED_SLICE_NODES_MAX = 4_096;
/** Milliseconds between two looks whether a stopping shard's connections have sent their last bytes. */
export const STOP_POLL_MS = 10;

/** Threads of the libuv pool beyond those of commits: files and DNS share them. Too few delays commits. */
export const POOL_THREADS_BESIDE_SHARDS = 4;

/** Bytes of topic text in the topic cache per topic that it may hold. Too small empties it early where topics are
 *  long, too large is memory that no other bound sees. */
export const TOPIC_CACHE_BYTES_PER_TOPIC = 64;
/**
 * Children of a node in the filter tree that are a chain. Too small: more edges in a table, each a cache miss and some
 * 8 bytes; too large: who looks for one of them walks past all others, which may lie anywhere.
 */
export const NARROW_CHILDREN_MAX = 8;
/** Subscriptions of a session that are found by looking at each; otherwise as above. */
export const NARROW_SUBSCRIPTIONS_MAX = 8;
/** Addresses reserved for each table of a shard's router: 33 million subscriptions. Fewer ends a shard that has the
 *  memory for more, more reserves addresses that nobody uses. */
export const ROUTING_TABLE_BYTES_MAX = 1 << 30;

/**
 * How long after its expiry a message from another shard is still delivered, in milliseconds. Intervals are whole
 * seconds, and 0 of them still means those who are there now; larger, and what has expired is delivered.
 */
export const EXPIRY_GRACE_MS = 1_000;
/** Milliseconds that a store has at the end of a stop, whatever clients that do not read have left of its time. */
export const STORE_STOP_MS_MIN = 300;
/** Milliseconds between the stop of all shards and the end of their threads. Too small meets compilations under way. */
export const THREAD_QUIET_MS = 100;
/**
 * Milliseconds for a thread to finish loading its module before it is ended all the same, at a start or a stop. Too
 * small ends the whole process on a machine that is busy: Node.js 20 aborts when a thread is ended while it loads.
 */
export const THREAD_LOAD_TIMEOUT_MS = 60_000;

// Overload

/** Milliseconds over which a loop's delay is averaged. Too small trips at one pause, too large reacts too late. */
export const LOOP_DELAY_AVERAGE_MS = 1_000;
/** Times `overload.loop_delay` that one measurement counts at most. Too large: one pause shuts clients out for long. */
export const LOOP_DELAY_CAP = 2;
/** Part of `overload.loop_delay` below which an overload ends. Too large: it comes and goes. */
export const LOOP_RELIEF_SHARE = 0.5;
/** Connections a shard takes over in one turn, some 50 us each. Too many hold the loop, too few let a storm wait. */
export const HANDOVERS_PER_TURN = 32;
/**
 * For so long after its start a listener looks after each connection, in milliseconds: those that came in its first
 * moment have not inherited its options. Too short is Nagle's delay for them, too long a system call each.
 */
export const LISTENER_INHERITS_AFTER_MS = 1_000;
/** Bytes of a CONNECT, with what came behind it, that is decoded without memory of its own; larger ones are slower. */
export const HANDOVER_HEAD_BYTES = 4_096;
/** Connections as which one counts there that begins with TLS or HTTP: an upgrade takes some 200 us. As above. */
export const HANDOVER_EDGE_WEIGHT = 8;
/** Connections not yet read that wait while main is overloaded, each with a descriptor and 4 KB; more are refused. */
export const UNREAD_CONNECTIONS_MAX = 8_192;
/** Of them, those begun in one turn once main is relieved. Too many overload it again, too few let them wait. */
export const UNREAD_BEGUN_PER_TURN = 128;

// TLS

/**
 * TLS handshakes that a shard starts in one turn; with an RSA key of 2,048 bits each takes about a millisecond, and
 * whoever is connected waits for that up to four times between publisher and subscriber. With 1,000 at once and such a
 * key, 1 instead of 4 halves the latency of the others and costs a tenth of the handshakes.
 */
export const TLS_HANDSHAKES_PER_TURN = 1;
/** Connections of a shard that wait for their handshake to start, each with a descriptor; above it the newest goes. */
export const TLS_HANDSHAKES_WAITING_MAX = 8_192;

/**
 * TLS handshakes of a shard that have started and are not over; above it the oldest goes. A client that has been asked
 * to begin anew (HelloRetryRequest) is past the queue, and so many who go on in one moment hold the shard for half a
 * millisecond each. Too small ends those with slow networks in a storm.
 */
export const TLS_HANDSHAKES_OPEN_MAX = 4_096;

/** Bytes of one file with certificates, keys or revoked ones. Every known authority of the world takes 250 KB. */
export const TLS_FILE_BYTES_MAX = 4 << 20;
/** Milliseconds between two looks whether such files have changed; a change counts when it is seen twice. */
export const TLS_FILES_POLL_MS = 5_000;
/**
 * Milliseconds for which session tickets are given out with the same keys. Longer means more that can be read by
 * somebody who steals them, shorter more full handshakes.
 */
export const TICKET_KEYS_ROTATION_MS = 86_400_000;

// Passwords

/** Rounds of a new bcrypt hash, as a power of two; 10 takes 70 ms. Every login costs as much. */
export const BCRYPT_COST = 10;
/** Rounds of a stored bcrypt hash that are gone through at all; 14 takes a second. More would block a hash thread. */
export const BCRYPT_COST_MAX = 14;
/** Iterations of PBKDF2; as many take 0.2 s with SHA-256. More would block a hash thread. */
export const PBKDF2_ITERATIONS_MAX = 1_000_000;
/** Bytes of a PBKDF2 hash; each digest's length of them costs all iterations again. */
export const PBKDF2_KEY_BYTES_MAX = 128;
/** Memory of one scrypt hash; there may be as many at a time as hash threads. Smaller refuses careful settings. */
export const SCRYPT_MEMORY_BYTES_MAX = 64 << 20;
/** The same times its parallelization: the time it takes, 0.2 s per 96 MiB. More would block a hash thread. */
export const SCRYPT_WORK_BYTES_MAX = 512 << 20;
/** Random bytes of the salt of a new password: enough that no two are ever the same. */
export const PASSWORD_SALT_BYTES = 16;
/** Threads that hash passwords, if there are twice as many cores. Too many take the cores from the shards. */
export const HASH_THREADS_MAX = 4;
/** MiB of heap of a thread that hashes passwords. */
export const HASH_THREAD_HEAP_MIB = 64;
/**
 * Passwords that wait to be hashed in the whole process; above it logins are refused. Two threads do some 4,000 by
 * PBKDF2, or 200 by bcrypt, within the time below.
 */
export const HASHES_WAITING_MAX = 8_192;
/** Bytes of passwords that wait to be hashed: a client may send 64 KB. */
export const HASHES_WAITING_BYTES_MAX = 16 << 20;
/** Milliseconds a password waits to be hashed; after it the login is refused. Must be less than HOOK_TIMEOUT_MS. */
export const HASH_WAIT_MAX_MS = 8_000;
/** Lanes of passwords that wait; clients of one address share one, and with others by chance. */
export const HASH_LANES = 64;
/** Bytes of a plugin's file of passwords: a million names take 200 MB. A larger one is not ours. */
export const PASSWORD_FILE_BYTES_MAX = 256 << 20;
/** Its lines read or printed in one turn, about 3 us each. */
export const PASSWORD_FILE_LINES_PER_TURN = 1_000;
/** Names in the passwords of one plugin, so that their file keeps its bound. */
export const PASSWORDS_MAX = 1_000_000;
/** Logins of a shard that wait for main's answer; above it they are refused. */
export const LOGINS_WAITING_MAX = 16_384;
/** Milliseconds between two log lines about logins that were refused because too many came at once. */
export const LOGIN_LOG_INTERVAL_MS = 5_000;
/** Bytes of a name with a password: what MQTT allows. */
export const LOGIN_NAME_BYTES_MAX = 65_535;

// Access

/** Bytes of the file of access rules. Smaller refuses files with a rule per user, larger only delays the error. */
export const ACL_FILE_BYTES_MAX = 1 << 20;
/** Terms of acl.conf within one another; its grammar needs four, and `who` some more. Deeper would end the stack. */
export const ACL_NESTING_MAX = 16;
/** Rules of acl.conf: every shard holds them, and whoever connects is compared with those that name a network. */
export const ACL_RULES_MAX = 10_000;
/** Different sets of rules that clients of one shard share; beyond it each client has lists of its own. */
export const ACL_PROFILES_MAX = 1_024;
/** Bans that are added by people or programs; each is held by every shard. */
export const BANS_MAX = 10_000;
/** Milliseconds after which bans that could not be written down are tried again: a restart would forget them. */
export const BANS_RETRY_MS = 5_000;
/** Bytes of the reason of a ban; it is for people. */
export const BAN_REASON_BYTES_MAX = 1_024;
/** Bytes of the file of bans. Smaller refuses to keep bans of long names, larger delays the start. */
export const BANS_FILE_BYTES_MAX = 64 << 20;
/** ClientIds that are banned for flapping at one time, in every shard; for one more the oldest is let in again. */
export const FLAPPING_BANS_MAX = 4_096;
/** Connections compared with new bans between two looks at the clock. */
export const BANNED_SLICE = 256;
/** ClientIds of one shard whose connects are counted at one time, some 100 bytes each; the oldest is forgotten. */
export const FLAPPING_CLIENTS_MAX = 65_536;
/** Bytes of a topic up to which a decision about it is remembered: memory times `mqtt.acl_cache_size` and clients. */
export const ACCESS_CACHED_TOPIC_BYTES_MAX = 1_024;
/** Topics of the rules about a client up to which they are compared with each message; what more say is remembered. */
export const ACL_TOPICS_UNCACHED_MAX = 4;
/** Subscriptions that are checked again between two looks at the clock; each is compared with rules. */
export const RECHECK_SLICE = 64;
/** Questions to plugins about subscriptions that are checked again, at one time. Too many crowd out clients'. */
export const RECHECKS_ASKED_MAX = 32;

// Plugins

/** Characters of one value in the configuration of a plugin. Fewer refuses long queries, more is memory for nothing. */
export const PLUGIN_VALUE_CHARS_MAX = 8_192;
/** Settings of one plugin that are set at run time. Fewer refuses long tables, more is time on main to check them. */
export const PLUGIN_SETTINGS_MAX = 4_096;
/** Bytes of the file that keeps them; above it the file is not read, so it fits all of them. */
export const PLUGIN_SETTINGS_BYTES_MAX = 64 << 20;
/** Bytes of `loaded_plugins`: thousands of names. Larger ones are not what they should be. */
export const LOADED_FILE_BYTES_MAX = 64 << 10;
/** Milliseconds for a plugin's module to load, and for its main part to start. Too few fails those that connect to slow
 *  servers, too many holds up the start of the broker. */
export const PLUGIN_START_TIMEOUT_MS = 30_000;
/** Milliseconds for a plugin's part in a shard to start; the shard goes on meanwhile. */
export const PLUGIN_SHARD_TIMEOUT_MS = 10_000;
/** Milliseconds for a plugin's main part to stop; after it the broker goes on without waiting. */
export const PLUGIN_STOP_TIMEOUT_MS = 5_000;
/** Milliseconds for a command of a plugin; whoever asked is not kept waiting longer, though it may still be done. */
export const PLUGIN_COMMAND_TIMEOUT_MS = 10_000;
/** Starts, stops and changes of plugins that wait for their turn; more are refused. */
export const PLUGIN_OPERATIONS_WAITING_MAX = 64;
/** Messages from one part of a plugin to another that it has not looked at; further ones are dropped. Fewer drops
 *  bursts, more is memory, and time in one go for the other side. */
export const PLUGIN_MESSAGES_WAITING_MAX = 32_768;
/** Messages looked at before the other side is told; a small part of the above, so that a fast sender never stops. */
export const PLUGIN_MESSAGES_PER_REPORT = 512;
/** Log lines of one part of a plugin in a second, on average and in a burst; further ones are dropped and counted. */
export const PLUGIN_LOG_LINES_PER_SECOND = 100;
/** Topics of a shard whose rewriting is remembered; then all are forgotten. Fewer goes through the rules more often. */
export const REWRITES_CACHED_MAX = 4_096;
/** Characters of a topic up to which a plain expression is tried without a deadline: some milliseconds at worst. */
export const REWRITE_PLAIN_TOPIC_CHARS_MAX = 256;
/** Milliseconds for an expression to match; then the topic is refused. More lets hostile topics hold up a shard, fewer
 *  refuses good ones on a busy machine. */
export const REWRITE_TIMEOUT_MS = 20;
/**
 * Milliseconds for which such a topic is refused without being tried again. Fewer holds up a shard the more, more
 * refuses a good topic the longer that came when the machine was busy.
 */
export const REWRITE_REFUSED_MS = 1_000;
/** Characters of a topic up to which its rewriting is remembered: memory times the above. */
export const REWRITES_CACHED_TOPIC_CHARS_MAX = 256;

// API

/** Traces at one time: each looks at all that happens. */
export const TRACES_MAX = 4;
/** Seconds that a trace may take. */
export const TRACE_DURATION_S_MAX = 600;
/** Events of one trace, after which it ends. */
export const TRACE_LINES_MAX = 100_000;
/** Milliseconds between two looks for new lines: what a reader is behind. */
export const TRACE_TAKE_INTERVAL_MS = 100;
/** Lines that a shard gives at once, some 4 KB each at most: written and read in one turn. */
export const TRACE_LINES_PER_TAKE = 200;
/** Lines of one trace that wait in a shard; what comes then is counted. Fewer miss bursts, more is memory. */
export const TRACE_LINES_WAITING_MAX = 1_000;
/** Bytes of a payload that a trace shows. */
export const TRACE_PAYLOAD_BYTES_MAX = 256;
/** Characters of names and topics that a trace shows. */
export const TRACE_TEXT_CHARS_MAX = 1_024;
/** Milliseconds that a reader has for the rest when a trace has ended; then it is cut off. */
export const TRACE_READER_TIMEOUT_MS = 10_000;
/** Milliseconds after which a message that came through the API is not handed on; below SHARD_REQUEST_TIMEOUT_MS. */
export const API_PUBLISH_TIMEOUT_MS = 4_000;
/** Bytes of messages that came through the API and wait in one shard; whoever comes then is told to come later. */
export const API_PUBLISHES_WAITING_BYTES_MAX = 32 << 20;
/** Messages of one request. More would keep those of others waiting. */
export const API_MESSAGES_MAX = 1_000;
/** User properties of a message that comes through the API. */
export const API_USER_PROPERTIES_MAX = 100;
/** Milliseconds that other shards have for a subscription that the API makes; below SHARD_REQUEST_TIMEOUT_MS. */
export const API_SUBSCRIBE_TIMEOUT_MS = 4_000;
/** Milliseconds that a kicked client's connection has to close before the kick is answered. */
export const KICK_CLOSE_TIMEOUT_MS = 1_000;
/** Milliseconds between two looks whether it is closed. */
export const KICK_POLL_MS = 5;
/** Bytes of a request's body, as EMQ has it. Smaller refuses large configurations, larger is memory. */
export const API_BODY_BYTES_MAX = 1 << 20;
/** Objects and lists within one another in a body; what the API takes needs three. More could end somebody's stack. */
export const API_BODY_NESTING_MAX = 16;
/** Bytes of a request's target and headers together. Fewer refuses long topics in paths, more is memory. */
export const API_HEADER_BYTES_MAX = 64 << 10;
/** Bytes of a body nobody wants that are read so that its sender gets to the answer; then the connection is closed. */
export const API_DROPPED_BODY_BYTES_MAX = 16 << 20;
/** Milliseconds for that. */
export const API_DROPPED_BODY_MS = 2_000;
/** Milliseconds for a request's headers, from their first byte or from accept. Too many lets idlers hold places. */
export const API_HEADERS_TIMEOUT_MS = 10_000;
/** Milliseconds for a whole request. Too few breaks off slow senders of large bodies. */
export const API_REQUEST_TIMEOUT_MS = 30_000;
/** Milliseconds that a connection may be silent between requests; programs that ask each minute keep theirs. */
export const API_KEEP_ALIVE_MS = 75_000;
/** Milliseconds between two looks for requests that take too long. */
export const API_TIMEOUTS_CHECK_MS = 1_000;
/** Requests that one connection sends before their answers; then it is closed. Only hostile programs send many. */
export const API_PIPELINED_MAX = 16;
/**
 * Bytes of answers that their readers have not taken; while there are more, only short ones are given. Too few fails
 * those who read large pages at the same time, too many is memory that slow readers hold.
 */
export const API_UNTAKEN_BYTES_MAX = 256 << 20;
/** Bytes up to which an answer is short: connections times requests sent ahead bound the memory of these. */
export const API_SHORT_ANSWER_BYTES = 16 << 10;
/** Milliseconds for requests under way to end when the broker stops; then their connections are closed. */
export const API_STOP_MS = 2_000;
/** Milliseconds for which verified credentials are not verified again. */
export const API_GATE_MS = 60_000;
/** Users whose credentials are kept so; for one more the oldest are forgotten, and cost a hash again. */
export const API_GATES_MAX = 1_024;
/** Milliseconds that someone who tries credentials too often waits for each answer. */
export const API_SLOWED_MS = 1_000;
/** Requests that wait so, each with its connection; others are refused at once. More fills a listener's places. */
export const API_SLOWED_MAX = 16;
/** Characters of an `X-Request-Id` that is taken over. */
export const API_REQUEST_ID_CHARS_MAX = 128;
/** Characters of a path in the log. */
export const API_LOGGED_PATH_CHARS_MAX = 256;

// Lists

/** ClientIds or filters in one block of a shard's index. Fewer makes sums long, more moves more per change. */
export const SORTED_BLOCK_KEYS_MAX = 512;
/** Sessions whose number of subscriptions waits to be noted in the index. More is a pause, fewer notes oftener. */
export const LISTED_STALE_MAX = 256;
/** Keys that a shard offers main to find the beginning of a page. Fewer takes more rounds, more is time per round. */
export const LISTED_MARKS_MAX = 256;
/** Characters of these keys, about: where ClientIds are long there are fewer. */
export const LISTED_MARKS_CHARS_MAX = 256 << 10;
/** Rows of one answer of a shard. Fewer takes more answers per page, more holds up the shard. */
export const LISTED_LOT_ROWS_MAX = 500;
/** Characters of one answer, about: rows may have topics of 64 KiB. */
export const LISTED_LOT_CHARS_MAX = 256 << 10;
/** Milliseconds in which a shard gathers one answer; to send it takes as long again. */
export const LISTED_LOT_MS_MAX = 2;
/** Subscriptions of one session up to which they are sorted for each answer, which takes about a millisecond. */
export const LISTED_SORTED_MAX = 1_000;
/**
 * Characters of one page, about; larger ones are refused. Main holds it several times, six times as long where all has
 * to be escaped, and as long as its reader takes.
 */
export const LISTED_PAGE_CHARS_MAX = 16 << 20;
/** Pages that are put together at one time; others wait. More would put several lots into one turn of a shard. */
export const LISTS_UNDER_WAY_MAX = 2;
/** Pages that wait for their turn; further ones are refused. */
export const LISTS_WAITING_MAX = 256;
/** Milliseconds for a page, its waiting included. Too few fails large ones on a busy broker. */
export const LIST_TIMEOUT_MS = 5_000;
/** Filters in one shard's index of routes, some 70 bytes each; with more, routes are not listed. */
export const ROUTES_INDEXED_MAX = 1_000_000;
/** Milliseconds of a turn that go into making this index. More holds up the shard, fewer has the first list wait. */
export const ROUTES_BUILD_MS_PER_TURN = 2;
/** Filters put into it between two looks at the clock. */
export const ROUTES_BUILD_SLICE = 64;
/** Milliseconds for which it is kept after the last list. */
export const ROUTES_KEPT_MS = 60_000;
/** Rows of one page of the API. More would have main write too much in one go. */
export const API_PAGE_ROWS_MAX = 10_000;
/** Highest number of a page. */
export const API_PAGE_NUMBER_MAX = 1e9;

// Figures

/** Milliseconds for which what shards say of themselves counts as new. More is stale, fewer has pollers busy them. */
export const FIGURES_AGE_MAX_MS = 100;
/** Milliseconds for a shard to say it. After it, what it said last counts: a poller is not to miss all others. */
export const FIGURES_WAIT_MS = 500;

// Users of the API

/** Users of the API; each is in memory and in a file that is written whole. People, so hundreds are many. */
export const USERS_MAX = 1_000;
/** Bytes of the name of a user of the API. */
export const USER_NAME_BYTES_MAX = 256;
/** Bytes of a user's tags, which are for people. */
export const USER_TAGS_BYTES_MAX = 1_024;
/** Bytes of a user's password. Longer ones are wrong without being hashed whole. */
export const USER_PASSWORD_BYTES_MAX = 1_024;
/** Bytes of the file of users: as many as there may be, with every character escaped. */
export const USERS_FILE_BYTES_MAX = 16 << 20;
/** Logins to the API that may fail from one address at once; then each further one costs the time below. */
export const API_LOGIN_ADDRESS_FAILURES = 10;
/** Failed logins to the API from one address in a second: a tenth is 8,640 guesses a day. Less makes people wait. */
export const API_LOGIN_ADDRESS_PER_SECOND = 0.1;
/** As above for one user, from all addresses together. */
export const API_LOGIN_USER_FAILURES = 100;
/** Failed logins of one user in a second. Too many helps who guesses from many addresses. */
export const API_LOGIN_USER_PER_SECOND = 1;
/**
 * Milliseconds after which an address that has failed counts as one that never has: it may try a user of whom others
 * have guessed too much. Too short is a guess per address in this time; too long keeps out who has mistyped.
 */
export const API_LOGIN_FORGET_MS = 600_000;
/** Addresses remembered that have failed, some 200 bytes each; the one that tried least lately is forgotten. */
export const API_LOGIN_ADDRESSES_MAX = 16_384;
/**
 * Milliseconds after a login in which the same name and password are not slowed, from the same network. Too short: who
 * guesses through the same proxy holds up those who know; too long: a fingerprint of the password stays in memory.
 */
export const API_LOGIN_TRUST_MS = 3_600_000;
/** Networks and users remembered so; the one that was right least lately is forgotten, and slowed as others are. */
export const API_LOGIN_TRUSTED_MAX = 1_024;
/**
 * Wrong passwords compared with one that is trusted so, at once; then as many in a second as may fail from one address.
 * Too many helps who guesses through the same proxy, too few lets him hold up those who know.
 */
export const API_LOGIN_TRUST_MISSES = 100;
/** Wrong passwords that do not count again. Too few: programs that still have an old one hold up those who know. */
export const API_LOGIN_TRUST_MISSES_KEPT = 16;

// Command line

/** Rows of a page that the command line asks for: a power of two, for it is halved where an answer is too long. */
export const CLI_PAGE_ROWS = 2_048;
/** Bytes of one answer that the command line reads: more is no broker's. */
export const CLI_ANSWER_BYTES_MAX = 64 << 20;
/** Seconds that the broker may take to answer the command line, unless `--timeout` says otherwise. */
export const CLI_TIMEOUT_SECONDS = 10;
/** Longest `--timeout` in seconds. */
export const CLI_TIMEOUT_SECONDS_MAX = 600;
/** Milliseconds for the question whether a broker runs at all, which is asked before a password is. */
export const CLI_PROBE_TIMEOUT_MS = 2_000;
/** Bytes of a file with a password, and characters of one that is typed. */
export const CLI_PASSWORD_BYTES_MAX = 4_096;
/** Columns below which a column of a table is not narrowed: less tells nothing. */
export const CLI_COLUMN_WIDTH_MIN = 8;
/** Seconds for which `shardmq trace` watches, unless `--duration` says otherwise. */
export const CLI_TRACE_SECONDS = 60;

/**
 * What has changed and nobody waits for is committed after this long at the latest, in milliseconds. Larger: more is
 * done again after a crash (acknowledged messages with QoS 1 are sent once more). Smaller: more commits.
 */
export const COMMIT_DELAY_MS = 50;
/** After this long a commit that has failed is tried again, in milliseconds. */
export const COMMIT_RETRY_MS = 500;
/**
 * Milliseconds after which a commit that is not over keeps publishers waiting. Too few, and a disc that hesitates is
 * felt by all; too many, and what they publish meanwhile fills the memory.
 */
export const COMMIT_LATE_MS = 2_000;
/** Bytes of a text in a key; a longer one is represented by its hash. LMDB's keys have 1,978 bytes at most. */
export const KEY_TEXT_BYTES_MAX = 512;

// Journal

/** Bytes in which records of the journal are written, kept for the next; a larger one takes what it needs. */
export const JOURNAL_SCRATCH_BYTES = 128 << 10;
/**
 * Bytes of entries, and of messages, after which a record of the journal is closed and the next one begins; a larger
 * message has its own. Too small: more rows than needed. Too large: a few entries that last keep many others, and
 * rewriting one takes long.
 */
export const JOURNAL_RECORD_BYTES = 64 << 10;
/** Closed records whose memory is kept for the next ones: as many as a commit usually has. */
export const JOURNAL_RECORDS_SPARE_MAX = 4;
/** A record of which less than this is needed is written anew. Larger: less space is taken, more is written. */
export const JOURNAL_LIVE_SHARE = 0.25;
/** Bytes that writing a record anew must save. Too small: rows are written to save next to nothing. */
export const JOURNAL_SAVED_BYTES_MIN = 256;
/** What a record is taken to cost that only lasts for what it says about others, in bytes. */
export const JOURNAL_EVENT_RECORD_BYTES = 512;
/**
 * Bytes of records that one commit writes anew, besides as many as the one before it had of new ones, up to
 * JOURNAL_SWEEP_BYTES. Too small: as for a sweep; too large: its turn is held up, by 1 to 4 ms per MiB.
 */
export const JOURNAL_REWRITE_BYTES = 256 << 10;
/**
 * Bytes of records that one sweep has written anew, besides as many as were written since the last. Too small: what is
 * no longer needed stays longer. Too large: the store is busy with it.
 */
export const JOURNAL_SWEEP_BYTES = 1 << 20;
/** As above, of what was written since the last sweep. */
export const JOURNAL_SWEEP_BYTES_MAX = 3 << 20;
/** Messages of a record among which one that enters again is looked for, latest first. Too few: it is stored twice. */
export const JOURNAL_MESSAGES_LOOKED_AT = 8;
/**
 * What has happened to a message with QoS 1 is written after so many milliseconds, at most twice as many, if it still
 * matters then. More: more is done again after a crash (acknowledged messages are sent once more). Fewer: more is
 * written, for a client that is busy takes some time for its acknowledgements.
 */
export const JOURNAL_LATE_MS = 50;
/** Entries for which a record that gathers has room at first; and events. Too small: they grow in most turns. */
export const JOURNAL_PENDING_ENTRIES_MIN = 512;
export const JOURNAL_PENDING_EVENTS_MIN = 512;
/** Entries between two breaks of a shard that reads its journal. */
export const JOURNAL_LOAD_SLICE_ENTRIES = 16_384;

/** Bytes that a disk must have free for a new environment of lmdb. Less: it may end the process when it is made. */
export const ENVIRONMENT_BYTES_MIN = 64 << 10;
/**
 * Milliseconds that whoever opens an environment waits for a moment in which nobody writes there. Too short: no backup
 * from a slow disk. Too long: a shard that has to open its own again stands still for as long.
 */
export const ENVIRONMENT_OPEN_MS_MAX = 5_000;
/** Milliseconds between two looks whether that is so, and whether it is over: a commit may begin so much later. */
export const OPEN_GATE_RETRY_MS = 1;

// A damaged store

/** A file of a store up to this size in bytes is checked in memory, as a whole; page by page it takes longer. */
export const PAGE_FILE_WHOLE_BYTES_MAX = 8 << 20;
/** Bytes of a store's file that are read ahead of its check: more would drive out of the cache what was read first. */
export const PAGE_FILE_WARM_BYTES_MAX = 4 * 2 ** 30;
/** After so many bytes of a store that is checked somebody is told how far it is. */
export const PAGE_FILE_PROGRESS_BYTES = 64 << 20;
/** Bytes of a store's file that are read at once where it is read from its beginning to its end. */
export const PAGE_FILE_CHUNK_BYTES = 1 << 20;
/** Ranges of lost keys that are told apart in each table of a damaged store; more are taken together. */
export const KEY_RANGES_MAX = 4_096;
/** Bytes of rows in one commit of a store that is written anew. */
export const MENDING_COMMIT_BYTES = 8 << 20;
/** Damaged copies of one store that are left lying there. Each is as large as the store was; more fill the disk. */
export const PUT_ASIDE_MAX = 3;

/** Rows that are given to another number of shards before main looks at anything else. */
export const REDISTRIBUTION_ROWS_PER_TURN = 10_000;
/** Times in a row that the shards of before may run and deliver nothing of what is on its way between them. */
export const RESHARDING_IDLE_ROUNDS_MAX = 3;
/** Milliseconds of each. Less than the time after which wills of a crash are due: those would be new messages. */
export const RESHARDING_ROUND_MS = 2_000;
/** Milliseconds between two looks at whether everything is delivered. Longer: starts take longer for nothing. */
export const RESHARDING_POLL_MS = 100;
/** Room that new stores need, as a multiple of what is in the old ones: not all pages are full while they grow. */
export const RESHARDING_ROOM_SHARE = 1.5;

/** Bytes of memory in which rows are written; larger ones get their own. Too small: memory grows for common rows. */
export const FIELDS_SCRATCH_BYTES = 4_096;
/** Numbers of sessions that are reserved at one time. Fewer: one more row in many commits; more: lost by each start. */
export const SESSION_NUMBERS_RESERVED = 1_024;

/** Milliseconds of a start's work between two looks at what main says. Longer holds up main's other shards' peers. */
export const RESTORE_SLICE_MS = 10;
/** Rows, or sessions, between two looks at the clock. Fewer costs more than reading them. */
export const RESTORE_LOOK_ROWS = 64;
/** Milliseconds between two words about how far a start has come; far below SHARD_START_TIMEOUT_MS. */
export const RESTORE_PROGRESS_MS = 1_000;
/** Milliseconds between two lines of main about that. */
export const RESTORE_LOG_INTERVAL_MS = 3_000;
/**
 * Rows in one commit that say, after a crash, since when clients are away. Fewer: it takes longer until all are
 * written. More: making them, 10 us each, holds the loop.
 */
export const ABSENCES_PER_COMMIT = 500;
/** Damaged rows of a table that the log names. */
export const LOST_ROWS_NAMED_MAX = 3;
/** Milliseconds after a start in which a client that was connected may come back before its will is sent. */
export const WILL_AFTER_START_MS = 5_000;
/**
 * Bytes that a lot of rows for lmdb keeps when it is written. Smaller: large commits allocate theirs anew. Larger: the
 * memory stays taken, some times over in each shard.
 */
export const WRITE_LOT_BYTES = 64 << 10;
/**
 * Commits of one shard whose sync is not over, at level `process`. Smaller: on a disk with slow syncs acknowledgements
 * wait for them. Larger: each holds a thread of the libuv pool meanwhile.
 */
export const UNSYNCED_COMMITS_MAX = 8;
/** The share of `mqtt.persistence.max_bytes` below which a store that was full takes on more. */
export const STORE_FULL_END_SHARE = 0.95;
/** How long the size of a store that is far from full may be old, in milliseconds: to measure it takes some 20 us. */
export const STORE_MEASURE_MS = 1_000;

/**
 * Writes after which an environment looks for readers whose process was killed. Larger: its file grows by more of them
 * meanwhile. Smaller: some microseconds more often.
 */
export const READERS_CHECK_WRITES = 1_000;
/** Bytes of rows in one commit of a backup, and so about the memory that it takes. */
export const BACKUP_COMMIT_BYTES = 4 << 20;
/** Commits of a backup that may be on their way to the disk: reading goes on meanwhile, and they are held in memory. */
export const BACKUP_COMMITS_MAX = 4;
/**
 * Bytes by which the files of a running broker may grow while a backup reads them, unless they had more before. Too
 * small ends backups under load; too large fills the broker's disk, as files do not become smaller again.
 */
export const BACKUP_GROWTH_BYTES = 1 << 30;
/** Milliseconds after which a backup that is not ready is given up: its reading keeps space of the broker's files. */
export const BACKUP_DEADLINE_MS = 3_600_000;
/** Rows that a backup reads before its thread looks at anything else: it may be that of a broker. */
export const BACKUP_ROWS_PER_TURN = 1_000;
/** Times that a backup tries to see all stores within a moment. More keeps whoever asked waiting on a busy machine. */
export const BACKUP_ATTEMPTS_MAX = 5;
/** Milliseconds between two lines of the command line about how far a backup has come. */
export const BACKUP_PROGRESS_MS = 2_000;
/** Bytes of the file that says what a backup holds; a larger one is not ours. */
export const BACKUP_FILE_BYTES_MAX = 64 << 10;

/**
 * Bytes of filters told at once to a shard that begins. Too small costs posts; too large holds both loops, by a
 * millisecond for 64 KiB.
 */
export const INTEREST_LOT_BYTES = 32 << 10;
/**
 * Bytes by which a store's file is longer than it need be, when it is made longer. Smaller: it is made longer, and
 * looked at, more often. Larger: one commit now and then waits longer, and more is written where nobody may ever need
 * it.
 */
export const STORE_ROOM_AHEAD_BYTES = 1 << 20;
/**
 * Milliseconds after the last sync in which a store's file is taken to be writable still. Longer: a disk that became
 * read-only meanwhile is more often noticed by lmdb first, which may end the process. Shorter: more commits look first.
 */
export const STORE_TRUST_MS = 100;
