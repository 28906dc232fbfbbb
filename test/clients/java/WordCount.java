import java.util.Arrays;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.common.utils.Bytes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.state.KeyValueStore;

/** Counts words with Kafka Streams, exactly once: each count is written out as it changes. */
public final class WordCount {
  public static void main(String[] arguments) {
    Properties settings = new Properties();
    settings.putAll(Map.of(
        "bootstrap.servers", arguments[0],
        "application.id", arguments[1],
        "state.dir", arguments[4],
        "processing.guarantee", "exactly_once_v2",
        "commit.interval.ms", 100,
        "statestore.cache.max.bytes", 0,
        "default.key.serde", Serdes.StringSerde.class,
        "default.value.serde", Serdes.StringSerde.class));
    settings.put("main.consumer.session.timeout.ms", 6000);
    settings.put("main.consumer.heartbeat.interval.ms", 300);
    settings.put("consumer.auto.offset.reset", "earliest");

    StreamsBuilder builder = new StreamsBuilder();
    builder.<String, String>stream(arguments[2])
        .flatMapValues(line -> Arrays.asList(line.split(" ")))
        .groupBy((key, word) -> word, Grouped.with(Serdes.String(), Serdes.String()))
        .count(Materialized.<String, Long, KeyValueStore<Bytes, byte[]>>as("counts").withValueSerde(Serdes.Long()))
        .toStream()
        .mapValues(count -> Long.toString(count))
        .to(arguments[3]);

    KafkaStreams streams = new KafkaStreams(builder.build(), settings);
    streams.setStateListener((now, before) -> System.out.println(now));
    Runtime.getRuntime().addShutdownHook(new Thread(streams::close));
    streams.start();
  }
}
