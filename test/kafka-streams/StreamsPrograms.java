/*
 * Topologies as data: a list of steps, each of which reads the results of earlier ones. random-program.ts makes them
 * at random, program-pipeline.ts has the same steps in our words.
 */
import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.*;
import org.apache.kafka.streams.state.KeyValueStore;
import org.apache.kafka.streams.state.SessionStore;
import org.apache.kafka.streams.state.Stores;
import org.apache.kafka.streams.state.WindowStore;

final class StreamsPrograms {
    /* With the default retention a leap of stream time drops windows before they were looked up. */
    private static final Duration LONG = Duration.ofDays(1);
    private final StreamsBuilder builder;
    private final List<Object> made = new ArrayList<>();

    private StreamsPrograms(final StreamsBuilder builder) {
        this.builder = builder;
    }

    /** Adds the steps to the builder. The results of `outputs` go to the topics that are answered. */
    static List<String> build(final StreamsBuilder builder, final JsonNode program) {
        final StreamsPrograms run = new StreamsPrograms(builder);
        for (final JsonNode step : program.get("steps")) run.made.add(run.step(step));
        final List<String> topics = new ArrayList<>();
        for (final JsonNode output : program.get("outputs")) {
            topics.add("out" + topics.size());
            run.streamOf(run.made.get(output.asInt())).to(topics.get(topics.size() - 1));
        }
        return topics;
    }

    private static String cut(final String text) {
        return text.length() > 40 ? text.substring(0, 20) + "~" + text.substring(text.length() - 19) : text;
    }

    private static boolean keeps(final String value) {
        if (value == null || value.isEmpty()) return false;
        int sum = 0;
        for (int at = 0; at < value.length(); at++) sum += value.charAt(at);
        return value.startsWith("z") || sum % 2 == 0;
    }

    private static boolean keeps(final String value, final boolean not) {
        return not ? value != null && !value.isEmpty() && (value.startsWith("z") || !keeps(value)) : keeps(value);
    }

    private static String marked(final String value) {
        return cut(value + "!");
    }

    private static String joined(final String left, final String right) {
        return cut(left + "+" + right);
    }

    private static String prefix(final String value) {
        final String text = String.valueOf(value);
        return text.isEmpty() ? "" : text.substring(0, 1);
    }

    private static String maybePrefix(final String value) {
        final String text = String.valueOf(value);
        return text.isEmpty() || text.endsWith("3") ? null : prefix(text);
    }

    private static String keyOf(final JsonNode step, final String value) {
        return step.path("key").asText().equals("maybe") ? maybePrefix(value) : prefix(value);
    }

    private static String reference(final String value) {
        final int from = value.indexOf(':');
        if (from < 0) return null;
        int to = from + 1;
        while (to < value.length() && "+!~,:".indexOf(value.charAt(to)) < 0) to++;
        return value.substring(from + 1, to);
    }

    private static String windowText(final Windowed<String> window) {
        return window.key() + "@" + window.window().start() + "/" + window.window().end();
    }

    private static String add(final String how, final String all, final String value) {
        if (how.equals("count")) return String.valueOf(number(all) + 1);
        if (how.equals("forget") && String.valueOf(value).endsWith("7")) return null;
        return all == null ? cut("" + value) : cut(all + "," + value);
    }

    private static String subtract(final String how, final String all, final String value) {
        if (how.equals("count")) return String.valueOf(number(all) - 1);
        if (how.equals("forget") && value.endsWith("5")) return null;
        return cut(all + "-" + value);
    }

    private static int number(final String text) {
        return text == null ? 0 : Integer.parseInt(text);
    }

    private static String start(final String how) {
        return null;
    }

    private static String merged(final String how, final String one, final String two) {
        if (one == null) return two;
        if (how.equals("count")) return String.valueOf(number(one) + number(two));
        return one == null ? two : cut(one + "&" + two);
    }

    private Materialized<String, String, KeyValueStore<Bytes, byte[]>> kept() {
        return Materialized.<String, String, KeyValueStore<Bytes, byte[]>>as("kept" + made.size())
            .withKeySerde(Serdes.String()).withValueSerde(Serdes.String());
    }

    private static Materialized<String, String, WindowStore<Bytes, byte[]>> keptWindows() {
        return Materialized.<String, String, WindowStore<Bytes, byte[]>>with(Serdes.String(), Serdes.String())
            .withRetention(LONG);
    }

    private static Materialized<String, String, SessionStore<Bytes, byte[]>> keptSessions() {
        return Materialized.<String, String, SessionStore<Bytes, byte[]>>with(Serdes.String(), Serdes.String())
            .withRetention(LONG);
    }

    private static Duration ms(final JsonNode step, final String name) {
        return Duration.ofMillis(step.get(name).asLong());
    }

    private Object in(final JsonNode step, final int at) {
        return made.get(step.get("in").get(at).asInt());
    }

    @SuppressWarnings("unchecked")
    private KStream<String, String> stream(final JsonNode step, final int at) {
        return (KStream<String, String>) in(step, at);
    }

    @SuppressWarnings("unchecked")
    private KTable<String, String> table(final JsonNode step, final int at) {
        return (KTable<String, String>) in(step, at);
    }

    /* Of windows: what their changes are keyed by is a Windowed<String>. */
    private static final java.util.Set<Object> WINDOWED =
        java.util.Collections.newSetFromMap(new java.util.WeakHashMap<>());

    private static <T> KTable<Windowed<String>, T> windowed(final KTable<Windowed<String>, T> table) {
        WINDOWED.add(table);
        return table;
    }

    @SuppressWarnings("unchecked")
    private KStream<String, String> streamOf(final Object node) {
        if (node instanceof KStream) return (KStream<String, String>) node;
        if (!WINDOWED.contains(node)) return ((KTable<String, String>) node).toStream();
        return ((KTable<Windowed<String>, String>) node).toStream((window, v) -> windowText(window));
    }

    private Object step(final JsonNode step) {
        final String topic = step.path("topic").asText();
        switch (step.get("op").asText()) {
            case "stream":
                return builder.stream(topic);
            case "table":
                return builder.table(topic, Materialized.as(topic + "-store"));
            case "versioned":
                return builder.table(topic, Materialized.as(
                    Stores.persistentVersionedKeyValueStore(topic + "-store", Duration.ofMillis(step.get("history").asLong()))));
            case "global":
                return builder.globalTable(topic);
            case "filter":
                return filter(step);
            case "map-values":
                return mapValues(step);
            case "map":
                return stream(step, 0).map((k, v) -> KeyValue.pair(keyOf(step, v), marked(v)));
            case "select-key":
                return stream(step, 0).selectKey((k, v) -> keyOf(step, v));
            case "flat-map":
                return stream(step, 0).flatMap((k, v) ->
                    List.of(KeyValue.pair(prefix(v), v), KeyValue.pair(prefix(v) + "2", marked(v))));
            case "flat-map-values":
                return stream(step, 0).flatMapValues(v -> List.of(String.valueOf(v), marked(v)));
            case "merge":
                return stream(step, 0).merge(stream(step, 1));
            case "repartition":
                return stream(step, 0).repartition();
            case "to-stream":
                return streamOf(in(step, 0));
            case "to-table":
                return stream(step, 0).toTable(kept());
            case "aggregate":
                return aggregate(step);
            case "cogroup":
                return cogroup(step);
            case "table-aggregate":
                return tableAggregate(step);
            case "join":
                return join(step);
            case "foreign-key-join":
                return step.get("kind").asText().equals("left")
                    ? table(step, 0).leftJoin(table(step, 1), StreamsPrograms::reference, StreamsPrograms::joined)
                    : table(step, 0).join(table(step, 1), StreamsPrograms::reference, StreamsPrograms::joined);
            case "suppress":
                return suppress(step);
            default:
                throw new IllegalArgumentException("no step " + step);
        }
    }

    @SuppressWarnings("unchecked")
    private Object filter(final JsonNode step) {
        final boolean not = step.path("not").asBoolean();
        final boolean stored = step.path("stored").asBoolean();
        if (in(step, 0) instanceof KStream) return stream(step, 0).filter((k, v) -> keeps(v, not));
        if (WINDOWED.contains(in(step, 0)))
            return windowed(((KTable<Windowed<String>, String>) in(step, 0)).filter((k, v) -> keeps(v, not)));
        return stored
            ? table(step, 0).filter((k, v) -> keeps(v, not), kept())
            : table(step, 0).filter((k, v) -> keeps(v, not));
    }

    @SuppressWarnings("unchecked")
    private Object mapValues(final JsonNode step) {
        final boolean stored = step.path("stored").asBoolean();
        if (in(step, 0) instanceof KStream)
            return stream(step, 0).mapValues((k, v) -> cut(v + "=" + k));
        if (WINDOWED.contains(in(step, 0)))
            return windowed(((KTable<Windowed<String>, String>) in(step, 0)).mapValues(StreamsPrograms::tableValue));
        return stored
            ? table(step, 0).mapValues(StreamsPrograms::tableValue, kept())
            : table(step, 0).mapValues(StreamsPrograms::tableValue);
    }

    /* A table's function is not asked for values that are not there. Some values it makes nothing of. */
    private static String tableValue(final String value) {
        return value == null || value.isEmpty() || value.endsWith("1") ? null : marked(value);
    }

    private KGroupedStream<String, String> grouped(final JsonNode step, final int at) {
        final String group = step.path("key").asText();
        return group.isEmpty()
            ? stream(step, at).groupByKey(Grouped.with("group" + made.size() + "-" + at, Serdes.String(), Serdes.String()))
            : stream(step, at).groupBy((k, v) -> keyOf(step, v),
                Grouped.with("group" + made.size() + "-" + at, Serdes.String(), Serdes.String()));
    }

    private Object aggregate(final JsonNode step) {
        final String how = step.get("how").asText();
        final KGroupedStream<String, String> grouped = grouped(step, 0);
        final Reducer<String> reduce = (all, v) -> cut(all + "," + v);
        if (!step.has("window"))
            return how.equals("reduce")
                ? grouped.reduce(reduce, kept())
                : grouped.aggregate(() -> start(how), (k, v, all) -> add(how, all, v), kept());
        final JsonNode window = step.get("window");
        final EmitStrategy emit = window.get("emit").asText().equals("close")
            ? EmitStrategy.onWindowClose() : EmitStrategy.onWindowUpdate();
        switch (window.get("kind").asText()) {
            case "time": {
                final TimeWindowedKStream<String, String> one = grouped.windowedBy(times(window)).emitStrategy(emit);
                return windowed(how.equals("reduce") ? one.reduce(reduce, keptWindows())
                    : one.aggregate(() -> start(how), (k, v, all) -> add(how, all, v), keptWindows()));
            }
            case "sliding": {
                final TimeWindowedKStream<String, String> one = grouped.windowedBy(sliding(window)).emitStrategy(emit);
                return windowed(how.equals("reduce") ? one.reduce(reduce, keptWindows())
                    : one.aggregate(() -> start(how), (k, v, all) -> add(how, all, v), keptWindows()));
            }
            default: {
                final SessionWindowedKStream<String, String> one = grouped.windowedBy(sessions(window)).emitStrategy(emit);
                return windowed(how.equals("reduce") ? one.reduce(reduce, keptSessions())
                    : one.aggregate(() -> start(how), (k, v, all) -> add(how, all, v),
                        (k, first, second) -> merged(how, first, second), keptSessions()));
            }
        }
    }

    private static TimeWindows times(final JsonNode window) {
        return TimeWindows.ofSizeAndGrace(ms(window, "size"), ms(window, "grace")).advanceBy(ms(window, "every"));
    }

    private static SlidingWindows sliding(final JsonNode window) {
        return SlidingWindows.ofTimeDifferenceAndGrace(ms(window, "size"), ms(window, "grace"));
    }

    private static SessionWindows sessions(final JsonNode window) {
        return SessionWindows.ofInactivityGapAndGrace(ms(window, "size"), ms(window, "grace"));
    }

    private Object cogroup(final JsonNode step) {
        final String how = step.get("how").asText();
        final CogroupedKStream<String, String> both = grouped(step, 0)
            .<String>cogroup((k, v, all) -> add(how, all, v))
            .cogroup(grouped(step, 1), (k, v, all) -> add(how, all, v + "?"));
        if (!step.has("window")) return both.aggregate(() -> start(how), kept());
        final JsonNode window = step.get("window");
        switch (window.get("kind").asText()) {
            case "time":
                return windowed(both.windowedBy(times(window)).aggregate(() -> start(how), keptWindows()));
            case "sliding":
                return windowed(both.windowedBy(sliding(window)).aggregate(() -> start(how), keptWindows()));
            default:
                return windowed(both.windowedBy(sessions(window)).aggregate(() -> start(how),
                    (k, first, second) -> merged(how, first, second), keptSessions()));
        }
    }

    @SuppressWarnings("unchecked")
    private Object tableAggregate(final JsonNode step) {
        final String how = step.get("how").asText();
        final Grouped<String, String> texts = Grouped.with(Serdes.String(), Serdes.String());
        final KGroupedTable<String, String> grouped = WINDOWED.contains(in(step, 0))
            ? ((KTable<Windowed<String>, String>) in(step, 0)).groupBy((w, v) -> KeyValue.pair(v.isEmpty() ? null : w.key(), v), texts)
            : table(step, 0).groupBy((k, v) -> KeyValue.pair(v.isEmpty() ? null : keyOf(step, v), v), texts);
        return how.equals("reduce")
            ? grouped.reduce((all, v) -> cut(all + "," + v), (all, v) -> cut(all + "-" + v), kept())
            : grouped.aggregate(() -> start(how), (k, v, all) -> add(how, all, v), (k, v, all) -> subtract(how, all, v),
                kept());
    }

    @SuppressWarnings("unchecked")
    private Object join(final JsonNode step) {
        final String kind = step.get("kind").asText();
        final Object left = in(step, 0);
        final Object right = in(step, 1);
        final ValueJoiner<String, String, String> joiner = StreamsPrograms::joined;
        if (right instanceof GlobalKTable) {
            final GlobalKTable<String, String> global = (GlobalKTable<String, String>) right;
            final KeyValueMapper<String, String, String> on = (k, v) -> v == null ? null : reference(v);
            return kind.equals("left") ? stream(step, 0).leftJoin(global, on, joiner)
                : stream(step, 0).join(global, on, joiner);
        }
        if (left instanceof KStream && right instanceof KStream) {
            final JoinWindows windows = JoinWindows.ofTimeDifferenceAndGrace(ms(step, "after"), ms(step, "grace"))
                .before(ms(step, "before")).after(ms(step, "after"));
            final KStream<String, String> one = stream(step, 0);
            final KStream<String, String> other = stream(step, 1);
            return kind.equals("left") ? one.leftJoin(other, joiner, windows)
                : kind.equals("outer") ? one.outerJoin(other, joiner, windows) : one.join(other, joiner, windows);
        }
        if (left instanceof KStream)
            return kind.equals("left") ? stream(step, 0).leftJoin(table(step, 1), joiner)
                : stream(step, 0).join(table(step, 1), joiner);
        if (WINDOWED.contains(left)) {
            final KTable<Windowed<String>, String> one = (KTable<Windowed<String>, String>) left;
            final KTable<Windowed<String>, String> other = (KTable<Windowed<String>, String>) right;
            return windowed(kind.equals("left") ? one.leftJoin(other, joiner)
                : kind.equals("outer") ? one.outerJoin(other, joiner) : one.join(other, joiner));
        }
        final KTable<String, String> one = table(step, 0);
        final KTable<String, String> other = table(step, 1);
        return kind.equals("left") ? one.leftJoin(other, joiner)
            : kind.equals("outer") ? one.outerJoin(other, joiner) : one.join(other, joiner);
    }

    @SuppressWarnings("unchecked")
    private Object suppress(final JsonNode step) {
        final Duration wait = ms(step, "wait");
        return WINDOWED.contains(in(step, 0))
            ? windowed(((KTable<Windowed<String>, String>) in(step, 0))
                .suppress(Suppressed.untilTimeLimit(wait, Suppressed.BufferConfig.unbounded())))
            : table(step, 0).suppress(Suppressed.untilTimeLimit(wait, Suppressed.BufferConfig.unbounded()));
    }
}
