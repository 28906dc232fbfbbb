/*
 * The other witness: runs the topologies of topologies.ts, and programs (StreamsPrograms), in Kafka Streams'
 * TopologyTestDriver.
 *
 * Reads one case per line, {"topology": name, "records": [[topic, key, value, timestampMs], ...]} or with "program"
 * in place of the name, and answers each with one line, {"out": [[key, value, timestampMs, cause, output, header],
 * ...]}, or {"error": text}. A result's cause is the index of the record after which it came, its output the index of
 * the topic, and its header that of the record whose headers it has: the record's index as a text, or null. Keys and
 * values are texts or null.
 * Caches are off and nothing is throttled, so that every update is seen where it happens.
 */
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.function.Consumer;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.TestInputTopic;
import org.apache.kafka.streams.TestOutputTopic;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.TopologyTestDriver;
import org.apache.kafka.streams.kstream.*;
import org.apache.kafka.streams.state.SessionStore;
import org.apache.kafka.streams.state.Stores;
import org.apache.kafka.streams.state.WindowStore;
import org.apache.kafka.streams.test.TestRecord;

public final class StreamsWitness {
    /* With the default retention a leap of stream time drops windows before they were emitted. */
    private static final Duration LONG = Duration.ofDays(1);
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Map<String, Consumer<StreamsBuilder>> TOPOLOGIES = new HashMap<>();

    private static String joined(final Object left, final Object right) {
        return left + "+" + right;
    }

    private static KStream<String, String> stream(final StreamsBuilder builder, final String topic) {
        return builder.stream(topic);
    }

    private static KTable<String, String> table(final StreamsBuilder builder, final String topic) {
        return builder.table(topic, Materialized.as(topic + "-store"));
    }

    private static KTable<String, String> versioned(final StreamsBuilder builder, final String topic) {
        return versioned(builder, topic, Duration.ofMillis(30));
    }

    private static KTable<String, String> versioned(final StreamsBuilder builder, final String topic,
                                                    final Duration history) {
        return builder.table(topic, Materialized.as(
            Stores.persistentVersionedKeyValueStore(topic + "-store", history)));
    }

    private static String windowText(final Windowed<String> window) {
        return window.key() + "@" + window.window().start() + "/" + window.window().end();
    }

    private static JoinWindows within(final long before, final long after, final long grace) {
        return JoinWindows.ofTimeDifferenceAndGrace(Duration.ofMillis(after), Duration.ofMillis(grace))
            .before(Duration.ofMillis(before))
            .after(Duration.ofMillis(after));
    }

    private static CogroupedKStream<String, String> cogroup(final StreamsBuilder builder) {
        return stream(builder, "a").groupByKey().<String>cogroup((k, v, all) -> all + v)
            .cogroup(stream(builder, "b").groupByKey(), (k, v, all) -> all + v.toUpperCase());
    }

    private static String reference(final String value) {
        final int at = value.indexOf(':');
        return at < 0 ? null : value.substring(at + 1);
    }

    private static boolean keeps(final String value) {
        return (value.charAt(value.length() - 1) & 1) == 0;
    }

    private static void add(final String name, final Consumer<StreamsBuilder> build) {
        TOPOLOGIES.put(name, build);
    }

    static {
        add("filter", b -> stream(b, "a").filter((k, v) -> keeps(v)).to("out"));
        add("map", b -> stream(b, "a").map((k, v) -> KeyValue(v.substring(0, 1), v + "!")).to("out"));
        add("map-values", b -> stream(b, "a").mapValues(v -> v + "!").to("out"));
        add("select-key", b -> stream(b, "a").selectKey((k, v) -> v.substring(0, 1)).to("out"));
        add("flat-map", b -> stream(b, "a")
            .flatMap((k, v) -> List.of(KeyValue(v.substring(0, 1), v), KeyValue(v.substring(1), v + "!"))).to("out"));
        add("flat-map-values", b -> stream(b, "a")
            .flatMapValues(v -> keeps(v) ? List.of(v, v + "!") : List.<String>of()).to("out"));
        add("branch", b -> stream(b, "a").split()
            .branch((k, v) -> keeps(v), Branched.withConsumer(kept -> kept.mapValues(v -> "kept " + v).to("out")))
            .branch((k, v) -> v.startsWith("v"), Branched.withConsumer(one -> one.mapValues(v -> "v " + v).to("out")))
            .defaultBranch(Branched.withConsumer(rest -> rest.mapValues(v -> "rest " + v).to("out"))));
        add("merge", b -> stream(b, "a").mapValues(v -> v + "!").merge(stream(b, "b")).to("out"));
        add("repartition", b -> stream(b, "a").repartition(Repartitioned.as("moved")).mapValues(v -> v + "!").to("out"));

        add("count", b -> stream(b, "a").groupByKey().count().toStream().mapValues(n -> "" + n).to("out"));
        add("reduce", b -> stream(b, "a").groupByKey().reduce((all, v) -> all + v).toStream().to("out"));
        add("cogroup", b -> cogroup(b).aggregate(() -> "").toStream().to("out"));
        add("cogroup-tumbling", b -> cogroup(b)
            .windowedBy(TimeWindows.ofSizeAndGrace(Duration.ofMillis(20), Duration.ofMillis(10)))
            .aggregate(() -> "").toStream((window, v) -> windowText(window)).to("out"));
        add("cogroup-sliding", b -> cogroup(b)
            .windowedBy(SlidingWindows.ofTimeDifferenceAndGrace(Duration.ofMillis(10), Duration.ofMillis(15)))
            .aggregate(() -> "", Materialized.<String, String, WindowStore<Bytes, byte[]>>as("kept").withRetention(LONG))
            .toStream((window, v) -> windowText(window)).to("out"));
        add("cogroup-session", b -> cogroup(b)
            .windowedBy(SessionWindows.ofInactivityGapAndGrace(Duration.ofMillis(10), Duration.ofMillis(15)))
            .aggregate(() -> "", (k, one, two) -> one + two).toStream((window, v) -> windowText(window)).to("out"));
        add("group-by-count", b -> stream(b, "a").groupBy((k, v) -> v.substring(0, 1)).count()
            .toStream().mapValues(n -> "" + n).to("out"));
        add("aggregate", b -> stream(b, "a").groupByKey()
            .aggregate(() -> "", (k, v, all) -> all + v)
            .toStream().to("out"));
        add("tumbling", b -> stream(b, "a").groupByKey()
            .windowedBy(TimeWindows.ofSizeAndGrace(Duration.ofMillis(20), Duration.ofMillis(10)))
            .aggregate(() -> "", (k, v, all) -> all + v)
            .toStream((window, v) -> windowText(window)).to("out"));
        add("tumbling-close", b -> stream(b, "a").groupByKey()
            .windowedBy(TimeWindows.ofSizeAndGrace(Duration.ofMillis(20), Duration.ofMillis(10)))
            .emitStrategy(EmitStrategy.onWindowClose())
            .aggregate(() -> "", (k, v, all) -> all + v, Materialized.<String, String, WindowStore<Bytes, byte[]>>as("kept")
                .withRetention(LONG))
            .toStream((window, v) -> windowText(window)).to("out"));
        add("session-close", b -> stream(b, "a").groupByKey()
            .windowedBy(SessionWindows.ofInactivityGapAndGrace(Duration.ofMillis(10), Duration.ofMillis(15)))
            .emitStrategy(EmitStrategy.onWindowClose())
            .aggregate(() -> "", (k, v, all) -> all + v, (k, one, two) -> one + two,
                Materialized.<String, String, SessionStore<Bytes, byte[]>>as("kept").withRetention(LONG))
            .toStream((window, v) -> windowText(window)).to("out"));

        add("hopping", b -> stream(b, "a").groupByKey()
            .windowedBy(TimeWindows.ofSizeAndGrace(Duration.ofMillis(20), Duration.ofMillis(10))
                .advanceBy(Duration.ofMillis(5)))
            .aggregate(() -> "", (k, v, all) -> all + v)
            .toStream((window, v) -> windowText(window)).to("out"));
        add("sliding", b -> stream(b, "a").groupByKey()
            .windowedBy(SlidingWindows.ofTimeDifferenceAndGrace(Duration.ofMillis(10), Duration.ofMillis(15)))
            .aggregate(() -> "", (k, v, all) -> all + v,
                Materialized.<String, String, WindowStore<Bytes, byte[]>>as("kept").withRetention(LONG))
            .toStream((window, v) -> windowText(window)).to("out"));
        add("session", b -> stream(b, "a").groupByKey()
            .windowedBy(SessionWindows.ofInactivityGapAndGrace(Duration.ofMillis(10), Duration.ofMillis(15)))
            .aggregate(() -> "", (k, v, all) -> all + v, (k, one, two) -> one + two)
            .toStream((window, v) -> windowText(window)).to("out"));
        add("tumbling-moved", b -> stream(b, "a").groupBy((k, v) -> v.substring(0, 1))
            .windowedBy(TimeWindows.ofSizeAndGrace(Duration.ofMillis(20), Duration.ofMillis(10)))
            .aggregate(() -> "", (k, v, all) -> all + v)
            .toStream((window, v) -> windowText(window)).to("out"));
        add("tumbling-count", b -> stream(b, "a").groupByKey()
            .windowedBy(TimeWindows.ofSizeWithNoGrace(Duration.ofMillis(10)))
            .count().toStream((window, n) -> windowText(window)).mapValues(n -> "" + n).to("out"));
        add("tumbling-reduce", b -> stream(b, "a").groupByKey()
            .windowedBy(TimeWindows.ofSizeAndGrace(Duration.ofMillis(20), Duration.ofMillis(10)))
            .reduce((all, v) -> all + v).toStream((window, v) -> windowText(window)).to("out"));
        add("tumbling-suppressed", b -> stream(b, "a").groupByKey()
            .windowedBy(TimeWindows.ofSizeAndGrace(Duration.ofMillis(20), Duration.ofMillis(10)))
            .aggregate(() -> "", (k, v, all) -> all + v, Materialized.with(Serdes.String(), Serdes.String()))
            .suppress(Suppressed.untilWindowCloses(Suppressed.BufferConfig.unbounded()))
            .toStream((window, v) -> windowText(window)).to("out"));
        add("session-suppressed", b -> stream(b, "a").groupByKey()
            .windowedBy(SessionWindows.ofInactivityGapAndGrace(Duration.ofMillis(10), Duration.ofMillis(15)))
            .aggregate(() -> "", (k, v, all) -> all + v, (k, one, two) -> one + two,
                Materialized.with(Serdes.String(), Serdes.String()))
            .suppress(Suppressed.untilWindowCloses(Suppressed.BufferConfig.unbounded()))
            .toStream((window, v) -> windowText(window)).to("out"));
        add("hopping-close", b -> stream(b, "a").groupByKey()
            .windowedBy(TimeWindows.ofSizeAndGrace(Duration.ofMillis(20), Duration.ofMillis(10))
                .advanceBy(Duration.ofMillis(5)))
            .emitStrategy(EmitStrategy.onWindowClose())
            .aggregate(() -> "", (k, v, all) -> all + v,
                Materialized.<String, String, WindowStore<Bytes, byte[]>>as("kept").withRetention(LONG))
            .toStream((window, v) -> windowText(window)).to("out"));
        add("sliding-close", b -> stream(b, "a").groupByKey()
            .windowedBy(SlidingWindows.ofTimeDifferenceAndGrace(Duration.ofMillis(10), Duration.ofMillis(15)))
            .emitStrategy(EmitStrategy.onWindowClose())
            .aggregate(() -> "", (k, v, all) -> all + v,
                Materialized.<String, String, WindowStore<Bytes, byte[]>>as("kept").withRetention(LONG))
            .toStream((window, v) -> windowText(window)).to("out"));
        add("unlimited", b -> stream(b, "a").groupByKey()
            .windowedBy(UnlimitedWindows.of().startOn(Instant.ofEpochMilli(110)))
            .aggregate(() -> "", (k, v, all) -> all + v)
            .toStream((window, v) -> window.key() + "@" + window.window().start()).to("out"));
        add("suppress", b -> table(b, "t")
            .suppress(Suppressed.untilTimeLimit(Duration.ofMillis(10), Suppressed.BufferConfig.unbounded()))
            .toStream().to("out"));
        add("suppress-count", b -> stream(b, "a").groupByKey().count(Materialized.with(Serdes.String(), Serdes.Long()))
            .mapValues(n -> "" + n, Materialized.with(Serdes.String(), Serdes.String()))
            .suppress(Suppressed.untilTimeLimit(Duration.ofMillis(10), Suppressed.BufferConfig.unbounded()))
            .toStream().to("out"));
        add("suppress-bounded", b -> table(b, "t").suppress(Suppressed.untilTimeLimit(Duration.ofMillis(30),
            Suppressed.BufferConfig.maxRecords(2).emitEarlyWhenFull())).toStream().to("out"));
        add("table-group-aggregate", b -> table(b, "t").groupBy((k, v) -> KeyValue(v.substring(0, 1), v))
            .aggregate(() -> "", (k, v, all) -> all + "+" + v, (k, v, all) -> all + "-" + v).toStream().to("out"));
        add("table-group-count", b -> table(b, "t").groupBy((k, v) -> KeyValue(v.substring(0, 1), v)).count()
            .toStream().mapValues(n -> "" + n).to("out"));
        add("table-group-reduce", b -> table(b, "t").groupBy((k, v) -> KeyValue(v.substring(0, 1), v))
            .reduce((all, v) -> all + "+" + v, (all, v) -> all + "-" + v).toStream().to("out"));
        add("count-table-left", b -> stream(b, "a").groupByKey().count().mapValues(n -> "" + n)
            .leftJoin(table(b, "t"), StreamsWitness::joined).toStream().to("out"));

        add("stream-table", b -> stream(b, "a").join(table(b, "t"), StreamsWitness::joined).to("out"));
        add("stream-table-left", b -> stream(b, "a").leftJoin(table(b, "t"), StreamsWitness::joined).to("out"));
        add("stream-table-moved", b -> stream(b, "a")
            .selectKey((k, v) -> reference(v) == null ? "none" : reference(v))
            .join(table(b, "t"), StreamsWitness::joined).to("out"));
        add("stream-versioned", b ->
            stream(b, "a").join(versioned(b, "t"), StreamsWitness::joined).to("out"));
        add("stream-versioned-left", b ->
            stream(b, "a").leftJoin(versioned(b, "t"), StreamsWitness::joined).to("out"));
        final Joined<String, String, String> later =
            Joined.<String, String, String>as("later").withGracePeriod(Duration.ofMillis(20));
        add("stream-versioned-grace", b ->
            stream(b, "a").join(versioned(b, "t", LONG), StreamsWitness::joined, later).to("out"));
        add("stream-versioned-grace-left", b ->
            stream(b, "a").leftJoin(versioned(b, "t", LONG), StreamsWitness::joined, later).to("out"));
        add("stream-global", b -> stream(b, "a")
            .join(b.<String, String>globalTable("t"), (k, v) -> reference(v), StreamsWitness::joined).to("out"));
        add("stream-global-left", b -> stream(b, "a")
            .leftJoin(b.<String, String>globalTable("t"), (k, v) -> reference(v), StreamsWitness::joined).to("out"));

        add("table-filter", b -> table(b, "t").filter((k, v) -> keeps(v)).toStream().to("out"));
        add("table-map-values", b -> table(b, "t").mapValues(v -> v + "!").toStream().to("out"));
        add("table-map-filter", b ->
            table(b, "t").mapValues(v -> v + "!").filter((k, v) -> keeps(v.substring(0, v.length() - 1)),
                Materialized.as("kept")).toStream().to("out"));
        add("to-table", b -> stream(b, "a").filter((k, v) -> keeps(v)).toTable(Materialized.as("kept"))
            .toStream().to("out"));
        add("stream-filtered-table-left", b -> stream(b, "a")
            .leftJoin(table(b, "t").filter((k, v) -> keeps(v)).mapValues(v -> v + "!"), StreamsWitness::joined)
            .to("out"));
        add("stream-table-table-left", b -> stream(b, "a")
            .leftJoin(table(b, "t").outerJoin(table(b, "u"), StreamsWitness::joined), StreamsWitness::joined)
            .to("out"));

        add("table-table", b -> table(b, "t").join(table(b, "u"), StreamsWitness::joined).toStream().to("out"));
        add("table-table-left", b ->
            table(b, "t").leftJoin(table(b, "u"), StreamsWitness::joined).toStream().to("out"));
        add("table-table-outer", b ->
            table(b, "t").outerJoin(table(b, "u"), StreamsWitness::joined).toStream().to("out"));
        add("table-table-versioned", b ->
            versioned(b, "t").outerJoin(versioned(b, "u"), StreamsWitness::joined).toStream().to("out"));
        add("table-three", b -> table(b, "t").join(table(b, "u"), StreamsWitness::joined)
            .leftJoin(table(b, "v"), StreamsWitness::joined).toStream().to("out"));
        add("table-three-outer", b -> table(b, "t").outerJoin(table(b, "u"), StreamsWitness::joined)
            .outerJoin(table(b, "v"), StreamsWitness::joined).toStream().to("out"));
        add("table-left-filtered", b -> table(b, "t").leftJoin(table(b, "u"), StreamsWitness::joined)
            .filter((k, v) -> keeps(v)).toStream().to("out"));
        add("foreign-key", b -> table(b, "t")
            .join(table(b, "u"), StreamsWitness::reference, StreamsWitness::joined).toStream().to("out"));
        add("foreign-key-left", b -> table(b, "t")
            .leftJoin(table(b, "u"), StreamsWitness::reference, StreamsWitness::joined).toStream().to("out"));

        add("foreign-key-self", b -> {
            final KTable<String, String> t = table(b, "t");
            t.join(t, StreamsWitness::reference, StreamsWitness::joined).toStream().to("out");
        });
        add("foreign-key-versioned", b -> versioned(b, "t")
            .join(versioned(b, "u"), StreamsWitness::reference, StreamsWitness::joined).toStream().to("out"));

        add("stream-stream", b -> stream(b, "a")
            .join(stream(b, "b"), StreamsWitness::joined, within(10, 10, 0)).to("out"));
        add("stream-stream-uneven", b -> stream(b, "a")
            .join(stream(b, "b"), StreamsWitness::joined, within(1, 15, 5)).to("out"));
        add("stream-stream-grace", b -> stream(b, "a")
            .join(stream(b, "b"), StreamsWitness::joined, within(10, 10, 8)).to("out"));
        add("stream-stream-left", b -> stream(b, "a")
            .leftJoin(stream(b, "b"), StreamsWitness::joined, within(10, 10, 8)).to("out"));
        add("stream-stream-outer", b -> stream(b, "a")
            .outerJoin(stream(b, "b"), StreamsWitness::joined, within(10, 10, 8)).to("out"));
        add("stream-stream-outer-grace", b -> stream(b, "a")
            .outerJoin(stream(b, "b"), StreamsWitness::joined, within(12, 12, 6)).to("out"));
        add("stream-stream-outer-uneven", b -> stream(b, "a")
            .outerJoin(stream(b, "b"), StreamsWitness::joined, within(3, 14, 3)).to("out"));
        add("stream-stream-moved", b -> stream(b, "a").selectKey((k, v) -> v.substring(0, 1))
            .leftJoin(stream(b, "b").selectKey((k, v) -> v.substring(0, 1)), StreamsWitness::joined, within(10, 10, 8))
            .to("out"));
        add("stream-stream-wide", b -> stream(b, "a")
            .join(stream(b, "b"), StreamsWitness::joined, within(15, 15, 0)).to("out"));
        add("stream-stream-wide-left", b -> stream(b, "a")
            .leftJoin(stream(b, "b"), StreamsWitness::joined, within(15, 15, 0)).to("out"));
        add("stream-stream-wide-outer", b -> stream(b, "a")
            .outerJoin(stream(b, "b"), StreamsWitness::joined, within(15, 15, 0)).to("out"));
        add("self-join", b -> {
            final KStream<String, String> a = stream(b, "a");
            a.join(a, StreamsWitness::joined, within(10, 5, 0)).to("out");
        });
        addCombined();
    }

    private static void addCombined() {
        final TimeWindows twenties = TimeWindows.ofSizeAndGrace(Duration.ofMillis(20), Duration.ofMillis(10));
        add("count-filter", b -> stream(b, "a").groupByKey().count().filter((k, n) -> n % 2 == 1)
            .toStream().mapValues(n -> n == null ? null : "" + n).to("out"));
        add("tumbling-filter", b -> stream(b, "a").groupByKey().windowedBy(twenties).count().filter((w, n) -> n == 2)
            .toStream((window, n) -> windowText(window)).mapValues(n -> n == null ? null : "" + n).to("out"));
        add("reduce-regroup", b -> stream(b, "a").groupByKey().reduce((held, v) -> v)
            .groupBy((k, v) -> KeyValue(v.substring(0, 1), v)).count().toStream().mapValues(n -> "" + n).to("out"));
        add("stream-own-table-left", b -> {
            final KStream<String, String> a = stream(b, "a");
            final KTable<String, String> all = a.groupByKey().reduce((held, v) -> held + v);
            a.leftJoin(all, StreamsWitness::joined).to("out");
        });
        add("tumbling-join", b -> {
            final TimeWindowedKStream<String, String> windows = stream(b, "a").groupByKey().windowedBy(twenties);
            final KTable<Windowed<String>, Long> counts = windows.count();
            final KTable<Windowed<String>, String> texts = windows.aggregate(() -> "", (k, v, all) -> all + v);
            counts.leftJoin(texts, StreamsWitness::joined).toStream((window, v) -> windowText(window)).to("out");
        });
        add("tumbling-suppress", b -> stream(b, "a").groupByKey().windowedBy(twenties)
            .aggregate(() -> "", (k, v, all) -> all + v, Materialized.with(Serdes.String(), Serdes.String()))
            .mapValues(v -> v + "!", Materialized.with(null, Serdes.String()))
            .suppress(Suppressed.untilTimeLimit(Duration.ofMillis(10), Suppressed.BufferConfig.unbounded()))
            .toStream((window, v) -> windowText(window)).to("out"));
        add("table-stream-table-left", b -> table(b, "t").toStream().leftJoin(table(b, "u"), StreamsWitness::joined)
            .to("out"));
        add("table-streams", b -> table(b, "t").toStream()
            .join(table(b, "u").toStream(), StreamsWitness::joined, within(10, 10, 30)).to("out"));
        add("versioned-filter", b -> versioned(b, "t").filter((k, v) -> keeps(v)).toStream().to("out"));
        add("stream-versioned-filter-left", b -> stream(b, "a").leftJoin(
            versioned(b, "t").filter((k, v) -> keeps(v)).mapValues(v -> v + "!"), StreamsWitness::joined).to("out"));

        add("hopping-epoch", b -> windows(b, TimeWindows.ofSizeWithNoGrace(Duration.ofMillis(20))
            .advanceBy(Duration.ofMillis(7)), (k, v, all) -> all + v));
        final SlidingWindows tens = SlidingWindows.ofTimeDifferenceAndGrace(Duration.ofMillis(10), Duration.ofMillis(15));
        add("sliding-epoch", b -> windows(b, tens, (k, v, all) -> all + v));
        final Aggregator<String, String, String> forgetting = (k, v, all) -> v.endsWith("7") ? null : all + v;
        add("forgetting", b -> stream(b, "a").groupByKey().aggregate(() -> "", forgetting).toStream().to("out"));
        add("tumbling-forgetting", b -> windows(b, twenties, forgetting));
        add("sliding-forgetting", b -> windows(b, tens, forgetting));
        add("session-forgetting", b -> stream(b, "a").groupByKey()
            .windowedBy(SessionWindows.ofInactivityGapAndGrace(Duration.ofMillis(10), Duration.ofMillis(15)))
            .aggregate(() -> "", forgetting, (k, one, two) -> one + two)
            .toStream((window, v) -> windowText(window)).to("out"));
    }

    private static void windows(final StreamsBuilder b, final TimeWindows windows,
        final Aggregator<String, String, String> add) {
        stream(b, "a").groupByKey().windowedBy(windows).aggregate(() -> "", add)
            .toStream((window, v) -> windowText(window)).to("out");
    }

    private static void windows(final StreamsBuilder b, final SlidingWindows windows,
        final Aggregator<String, String, String> add) {
        stream(b, "a").groupByKey().windowedBy(windows)
            .aggregate(() -> "", add, Materialized.<String, String, WindowStore<Bytes, byte[]>>as("kept").withRetention(LONG))
            .toStream((window, v) -> windowText(window)).to("out");
    }

    private static <K, V> org.apache.kafka.streams.KeyValue<K, V> KeyValue(final K key, final V value) {
        return org.apache.kafka.streams.KeyValue.pair(key, value);
    }

    private static Properties settings() {
        final Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, "witness");
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, "none:1");
        settings.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
        settings.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
        settings.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 0);
        settings.put(StreamsConfig.DSL_STORE_SUPPLIERS_CLASS_CONFIG,
            org.apache.kafka.streams.state.BuiltInDslStoreSuppliers.InMemoryDslStoreSuppliers.class);
        settings.put(StreamsConfig.STATE_DIR_CONFIG, System.getProperty("witness.state"));
        settings.put(StreamsConfig.InternalConfig.EMIT_INTERVAL_MS_KSTREAMS_OUTER_JOIN_SPURIOUS_RESULTS_FIX, 0L);
        settings.put(StreamsConfig.InternalConfig.EMIT_INTERVAL_MS_KSTREAMS_WINDOWED_AGGREGATION, 0L);
        return settings;
    }

    private static String text(final JsonNode node) {
        return node.isNull() ? null : node.asText();
    }

    private static ObjectNode run(final JsonNode request) {
        final StreamsBuilder builder = new StreamsBuilder();
        final List<String> outputs = new ArrayList<>();
        if (request.has("program")) {
            outputs.addAll(StreamsPrograms.build(builder, request.get("program")));
        } else {
            final Consumer<StreamsBuilder> build = TOPOLOGIES.get(request.get("topology").asText());
            if (build == null) throw new IllegalArgumentException("no topology " + request.get("topology"));
            build.accept(builder);
            outputs.add("out");
        }
        final Properties settings = settings();
        final Topology topology = builder.build(settings);
        final ObjectNode answer = JSON.createObjectNode();
        final ArrayNode out = answer.putArray("out");
        try (TopologyTestDriver driver = new TopologyTestDriver(topology, settings, Instant.EPOCH)) {
            final Map<String, TestInputTopic<String, String>> topics = new HashMap<>();
            final List<TestOutputTopic<String, String>> results = new ArrayList<>();
            for (final String name : outputs)
                results.add(driver.createOutputTopic(name, new StringDeserializer(), new StringDeserializer()));
            int cause = 0;
            for (final JsonNode record : request.get("records")) {
                final TestRecord<String, String> given = new TestRecord<>(text(record.get(1)), text(record.get(2)),
                    Instant.ofEpochMilli(record.get(3).asLong()));
                given.headers().add("cause", String.valueOf(cause).getBytes(StandardCharsets.UTF_8));
                topics.computeIfAbsent(record.get(0).asText(),
                        name -> driver.createInputTopic(name, new StringSerializer(), new StringSerializer()))
                    .pipeInput(given);
                for (int at = 0; at < results.size(); at++)
                    while (!results.get(at).isEmpty()) addResult(out, results.get(at).readRecord(), cause, at);
                cause++;
            }
        }
        return answer;
    }

    private static void addResult(final ArrayNode out, final TestRecord<String, String> result, final int cause,
        final int output) {
        final Header header = result.headers().lastHeader("cause");
        out.addArray().add(result.key()).add(result.value()).add(result.timestamp()).add(cause).add(output)
            .add(header == null ? null : new String(header.value(), StandardCharsets.UTF_8));
    }

    public static void main(final String[] arguments) throws Exception {
        final BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        final BufferedWriter out = new BufferedWriter(new OutputStreamWriter(System.out, StandardCharsets.UTF_8));
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            ObjectNode answer;
            try {
                answer = run(JSON.readTree(line));
            } catch (final Exception | StackOverflowError error) {
                answer = JSON.createObjectNode().put("error", error.toString());
            }
            out.write(JSON.writeValueAsString(answer));
            out.newLine();
            out.flush();
        }
    }
}
